/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/sampler.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "control/buf.h"
#include "control/show.h"

#define PATIENCE_S 2

/* What can be asked for. */
enum thing {
	FIGURES,
	ENDPOINTS,
	THINGS,
};

static const uint32_t keep_ms[THINGS] = {
	[FIGURES] = PST_SAMPLER_MS, [ENDPOINTS] = PST_SAMPLER_ENDPOINTS_MS
};

struct pst_sampler {
	atomic_bool wanted[THINGS];
	/* main only */
	struct pst_sample *fresh; /* what is not shown yet */
	struct pst_buf rows;
	struct pst_dump dump;
	bool is_made[THINGS];
	uint64_t made_ms[THINGS]; /* 0: never */
	/* under the lock */
	pthread_mutex_t lock;
	pthread_cond_t shown;
	bool closed;
	uint64_t asked[THINGS], answered[THINGS]; /* by number: an answer is for all up to it */
	struct pst_sample *sample;
	char *endpoints;
};

struct pst_sampler *
pst_sampler_create(void)
{
	struct pst_sampler *sampler = calloc(1, sizeof(*sampler));
	pthread_condattr_t attr;

	if (sampler == NULL)
		return pst_null(ENOMEM);
	sampler->fresh = calloc(1, sizeof(*sampler->fresh));
	sampler->sample = calloc(1, sizeof(*sampler->sample));
	if (sampler->fresh == NULL || sampler->sample == NULL) {
		free(sampler->fresh);
		free(sampler->sample);
		free(sampler);
		return pst_null(ENOMEM);
	}
	pthread_mutex_init(&sampler->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sampler->shown, &attr);
	pthread_condattr_destroy(&attr);
	return sampler;
}

void
pst_sampler_close(struct pst_sampler *sampler, const struct pst_control_view *view)
{
	if (sampler->dump.active)
		pst_dump_cancel(&sampler->dump, &view->params);
	pthread_mutex_lock(&sampler->lock);
	sampler->closed = true;
	pthread_cond_broadcast(&sampler->shown);
	pthread_mutex_unlock(&sampler->lock);
}

void
pst_sampler_destroy(struct pst_sampler *sampler)
{
	if (sampler == NULL)
		return;
	pthread_cond_destroy(&sampler->shown);
	pthread_mutex_destroy(&sampler->lock);
	pst_buf_fini(&sampler->rows);
	free(sampler->endpoints);
	free(sampler->sample);
	free(sampler->fresh);
	free(sampler);
}

/* Main. */

/* Begin with what is asked for; true when it is made. */
static bool
make(struct pst_sampler *s, enum thing thing, const struct pst_control_view *view)
{
	struct pst_request listeners = { .table = PST_SHOW_LISTENERS,
		.limit = PST_SAMPLER_ENDPOINTS };

	if (thing == FIGURES) {
		pst_sample_fill(s->fresh, view);
		return true;
	}
	if (!s->dump.active) {
		pst_buf_fini(&s->rows);
		pst_want_all(&listeners.want);
		pst_dump_start(&s->dump, &listeners, &s->rows);
	}
	pst_dump_step(&s->dump, view, &s->rows);
	return !s->dump.active;
}

/* Under the lock. */
static void
show(struct pst_sampler *s, enum thing thing)
{
	struct pst_sample *before = s->sample;

	if (thing == FIGURES) {
		s->sample = s->fresh;
		s->fresh = before;
		return;
	}
	free(s->endpoints);
	s->endpoints = s->rows.failed
			       ? NULL
			       : strndup(s->rows.data + s->rows.start, pst_buf_len(&s->rows));
}

/* Hand over what was made, or say that what was shown last is still good. */
static void
answer(struct pst_sampler *s, enum thing thing)
{
	if (pthread_mutex_trylock(&s->lock) != 0)
		return; /* in the next round */
	if (s->is_made[thing])
		show(s, thing);
	s->is_made[thing] = false;
	s->answered[thing] = s->asked[thing];
	s->wanted[thing] = false;
	pthread_cond_broadcast(&s->shown);
	pthread_mutex_unlock(&s->lock);
}

static bool
is_young(const struct pst_sampler *s, enum thing thing, uint64_t now)
{
	return s->made_ms[thing] != 0 && now < s->made_ms[thing] + keep_ms[thing];
}

unsigned int
pst_sampler_poll(struct pst_sampler *s, const struct pst_control_view *view)
{
	unsigned int done = 0;

	for (int thing = 0; thing < THINGS; thing++) {
		if (!atomic_load_explicit(&s->wanted[thing], memory_order_acquire))
			continue;
		done++;
		if (!s->is_made[thing] && !is_young(s, thing, view->now)) {
			s->is_made[thing] = make(s, thing, view);
			if (!s->is_made[thing])
				continue;
			s->made_ms[thing] = view->now;
		}
		answer(s, thing);
	}
	return done;
}

/* Others. */

/* Under the lock: until there is an answer to what is asked for now. */
static int
wait_for(struct pst_sampler *s, enum thing thing)
{
	uint64_t number = ++s->asked[thing];
	struct timespec end;
	int ret = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += PATIENCE_S;
	s->wanted[thing] = true;
	while (!s->closed && s->answered[thing] < number && ret == 0)
		ret = pthread_cond_timedwait(&s->shown, &s->lock, &end);
	if (s->closed)
		return -ESHUTDOWN;
	return s->answered[thing] < number ? -ETIMEDOUT : 0;
}

int
pst_sampler_figures(struct pst_sampler *s, struct pst_sample *sample)
{
	int ret;

	pthread_mutex_lock(&s->lock);
	ret = wait_for(s, FIGURES);
	if (ret == 0)
		memcpy(sample, s->sample, sizeof(*sample));
	pthread_mutex_unlock(&s->lock);
	return ret;
}

int
pst_sampler_endpoints(struct pst_sampler *s, char **json)
{
	int ret;

	*json = NULL;
	pthread_mutex_lock(&s->lock);
	ret = wait_for(s, ENDPOINTS);
	if (ret == 0 && s->endpoints != NULL)
		*json = strdup(s->endpoints);
	pthread_mutex_unlock(&s->lock);
	return ret == 0 && *json == NULL ? -ENOMEM : ret;
}
