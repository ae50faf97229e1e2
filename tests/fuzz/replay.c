/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A fuzz target without libFuzzer: every file of a corpus, and a fixed sequence of mutations of it, so that the quick
 * suite runs the targets with any compiler and always the same way.
 * Arguments: the corpus folder, the number of mutations of each file.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

/* Fragments that parsers of these files mind. */
static const char *const fragments[] = { "{", "}", "[", "]", "\"", "\\", ":",
  ",", "0", "-1", "1e999", "9223372036854775808", "18446744073709551615",
  "null", "true", "\"\"", "{}", "[]", "[[[[[[[[", "\xff", "\xf0\x9f", "\n", " ",
  "\\u0000", "\\ud800", "</w>", "<|endoftext|>", "#version"
};

static void
mutate (GByteArray * input, GRand * rand)
{
  guint at = g_rand_int_range (rand, 0, input->len + 1);
  guint n = g_rand_int_range (rand, 1, 9);
  const char *fragment = fragments[g_rand_int_range (rand, 0,
          G_N_ELEMENTS (fragments))];

  switch (g_rand_int_range (rand, 0, 5)) {
    case 0:
      if (at < input->len)
        input->data[at] ^= 1 << g_rand_int_range (rand, 0, 8);
      break;
    case 1:
      if (at < input->len)
        input->data[at] = g_rand_int_range (rand, 0, 256);
      break;
    case 2:
      if (at < input->len)
        g_byte_array_remove_range (input, at, MIN (n, input->len - at));
      break;
    case 3:
      g_byte_array_set_size (input, at);
      break;
    case 4:
      n = strlen (fragment);
      g_byte_array_set_size (input, input->len + n);
      memmove (input->data + at + n, input->data + at, input->len - n - at);
      memcpy (input->data + at, fragment, n);
      break;
  }
}

static void
replay (const char *path, guint n_mutations)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;
  gsize size;

  if (!g_file_get_contents (path, &content, &size, &error))
    g_error ("%s", error->message);
  LLVMFuzzerTestOneInput ((const guint8 *) content, size);
  for (guint i = 0; i < n_mutations; i++) {
    g_autoptr (GByteArray) input = g_byte_array_new ();
    guint n = g_rand_int_range (rand, 1, 5);

    g_byte_array_append (input, (const guint8 *) content, size);
    while (n--)
      mutate (input, rand);
    LLVMFuzzerTestOneInput (input->data, input->len);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GDir) dir = NULL;
  g_autoptr (GError) error = NULL;
  guint n_files = 0;
  const char *name;

  if (argc != 3)
    g_error ("usage: %s CORPUS MUTATIONS", argv[0]);
  dir = g_dir_open (argv[1], 0, &error);
  if (!dir)
    g_error ("%s", error->message);
  while ((name = g_dir_read_name (dir))) {
    g_autofree char *path = g_build_filename (argv[1], name, NULL);

    replay (path, atoi (argv[2]));
    n_files++;
  }
  g_assert_cmpuint (n_files, >, 0);
  return 0;
}
