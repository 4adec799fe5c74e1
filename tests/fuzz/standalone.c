/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without libFuzzer: each file of a corpus folder, then
 * seeded random inputs and random changes of the corpus' files.
 *
 *	fuzz-NAME [CORPUS-FOLDER [RUNS [SEED]]]
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"

#define INPUT_MAX 65536
#define FILES_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct {
	uint8_t *data;
	size_t size;
} files[FILES_MAX];
static unsigned int n_files;

static void
load_file(const char *folder, const char *name)
{
	static uint8_t buf[INPUT_MAX];
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "rb");
	if (f == NULL)
		return;
	files[n_files].size = fread(buf, 1, sizeof(buf), f);
	files[n_files].data = malloc(files[n_files].size + 1);
	memcpy(files[n_files].data, buf, files[n_files].size);
	n_files++;
	fclose(f);
}

static void
load_corpus(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *e;

	if (dir == NULL)
		return;
	while ((e = readdir(dir)) != NULL && n_files < FILES_MAX) {
		if (e->d_name[0] != '.')
			load_file(folder, e->d_name);
	}
	closedir(dir);
}

/* A copy of exactly this size, so that a sanitizer sees one byte too many. */
static void
run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + (size == 0));

	memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t
make_input(struct pst_rng *rng, uint8_t *buf)
{
	size_t size = 0;

	if (n_files > 0 && pst_rng_below(rng, 4) != 0) {
		unsigned int i = pst_rng_below(rng, n_files);

		size = files[i].size;
		memcpy(buf, files[i].data, size);
	} else {
		size = pst_rng_below(rng, 512);
		for (size_t i = 0; i < size; i++)
			buf[i] = pst_rng_next(rng);
	}
	for (uint32_t k = pst_rng_below(rng, 8); k > 0 && size > 0; k--)
		buf[pst_rng_below(rng, size)] = pst_rng_next(rng);
	if (size > 0 && pst_rng_below(rng, 8) == 0)
		size = pst_rng_below(rng, size);
	return size;
}

int
main(int argc, char **argv)
{
	static uint8_t buf[INPUT_MAX];
	unsigned long runs = argc > 2 ? strtoul(argv[2], NULL, 10) : 20000;
	uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
	struct pst_rng rng;

	if (LLVMFuzzerInitialize != NULL)
		LLVMFuzzerInitialize(&argc, &argv);
	if (argc > 1)
		load_corpus(argv[1]);
	for (unsigned int i = 0; i < n_files; i++)
		run(files[i].data, files[i].size);
	pst_rng_init(&rng, seed);
	for (unsigned long i = 0; i < runs; i++)
		run(buf, make_input(&rng, buf));
	printf("%lu inputs and %u files of the corpus, seed %lu: no fault\n", runs, n_files,
		(unsigned long)seed);
	for (unsigned int i = 0; i < n_files; i++)
		free(files[i].data);
	return 0;
}
