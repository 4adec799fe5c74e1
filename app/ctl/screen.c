/* SPDX-License-Identifier: BSD-3-Clause */
#include "screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define ENTER "\x1b[?1049h\x1b[?25l\x1b[2J"
#define LEAVE "\x1b[?25h\x1b[?1049l"
#define HOME "\x1b[H"
#define REST_OF_LINE "\x1b[K"
#define REST_OF_SCREEN "\x1b[J"

/* Those that end a program, as far as it can see them; SIGPIPE: the terminal has gone. */
static const int fatal[] = { SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE,
	SIGSEGV, SIGPIPE, SIGALRM, SIGTERM, SIGUSR1, SIGUSR2, SIGSYS, SIGXCPU, SIGXFSZ };

static struct termios before;
static volatile sig_atomic_t is_on, is_resized;

static void
write_all(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(STDOUT_FILENO, bytes, len);

		if (n < 0 && errno != EINTR)
			return;
		if (n > 0) {
			bytes += n;
			len -= n;
		}
	}
}

static void
turn_on(void)
{
	struct termios raw = before;

	raw.c_lflag &= ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	write_all(ENTER, sizeof(ENTER) - 1);
	is_on = 1;
}

/* From a signal's handler, too. */
static void
turn_off(void)
{
	if (!is_on)
		return;
	is_on = 0;
	write_all(LEAVE, sizeof(LEAVE) - 1);
	tcsetattr(STDIN_FILENO, TCSANOW, &before);
}

/* The signal does what it always does, once the terminal is itself again. */
static void
on_fatal(int number)
{
	turn_off();
	signal(number, SIG_DFL);
	raise(number);
}

/* Stopped, and going on when somebody says so. */
static void
on_stop(int number)
{
	int error = errno;

	(void)number;
	turn_off();
	raise(SIGSTOP);
	turn_on();
	is_resized = 1;
	errno = error;
}

static void
on_resize(int number)
{
	(void)number;
	is_resized = 1;
}

static void
catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_fatal };

	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
	action.sa_handler = on_stop;
	sigaction(SIGTSTP, &action, NULL);
	action.sa_handler = on_resize;
	sigaction(SIGWINCH, &action, NULL);
}

int
pst_screen_enter(void)
{
	if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) < 0)
		return -ENOTTY;
	catch_signals();
	atexit(pst_screen_leave);
	turn_on();
	return 0;
}

void
pst_screen_leave(void)
{
	turn_off();
}

void
pst_screen_size(unsigned int *width, unsigned int *height)
{
	struct winsize size = { 0 };

	*width = 80;
	*height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		return;
	*width = size.ws_col;
	*height = size.ws_row;
}

void
pst_screen_draw(unsigned int n, const char *const *lines)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	fputs(HOME, out);
	for (unsigned int i = 0; i < n; i++)
		fprintf(out, "%s%s" REST_OF_LINE, i > 0 ? "\r\n" : "", lines[i]);
	fputs(REST_OF_SCREEN, out);
	fclose(out);
	write_all(text, len);
	free(text);
}

int
pst_screen_key(int timeout_ms)
{
	struct pollfd fd = { .fd = STDIN_FILENO, .events = POLLIN };
	int ret = is_resized ? 0 : poll(&fd, 1, timeout_ms);
	unsigned char key;

	if (is_resized) {
		is_resized = 0;
		return PST_SCREEN_RESIZED;
	}
	if (ret <= 0)
		return PST_SCREEN_NONE;
	return read(STDIN_FILENO, &key, 1) == 1 ? key : PST_SCREEN_END;
}
