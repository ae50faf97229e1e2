/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What compilers warn of.
 */
__kernel void
warns (__global int *out)
{
  out[0] == 1;
}
