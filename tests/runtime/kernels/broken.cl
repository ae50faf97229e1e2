/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A kernel that does not compile, on purpose.
 */
__kernel void
broken (__global float *out)
{
  out[0] = no_such_thing;
}
