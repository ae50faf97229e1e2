/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A model folder with a small upsampler of drawn weights, for scripts: prints its path. Arguments: the folder of
 * golden.json, a tokenizer's.
 */
#include <stdio.h>

#include "tests/golden/upsample_model.h"

int
main (int argc, char **argv)
{
  Golden golden;
  JsonObject *cases;
  g_autofree char *model = NULL;

  golden_open (&golden, argv[1]);
  cases = json_object_get_object_member (golden.root, "upsample");
  model = upsample_model_write (&golden, argv[2],
      json_object_get_object_member (cases, "native_field"));
  puts (model);
  golden_clear (&golden);
  return 0;
}
