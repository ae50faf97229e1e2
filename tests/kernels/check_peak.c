/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The yardstick of the other timings, with --bench only: the rate of fused multiply-adds that a device reaches on
 * registers alone, with the vectors of its form.
 */

#include "tests/kernels/check.h"
#include "tests/kernels/tests.h"

#define ITEMS_PER_UNIT 64
#define ROUNDS 10000
#define REPEATS 20
#define SUMS 12                 /* independent ones: more than latency times throughput */

static const char *source =
    "__kernel void peak (__global FLOATV *data, int rounds)\n"
    "{\n"
    "  const FLOATV a = data[0], b = data[1];\n"
    "  FLOATV s0 = a, s1 = b, s2 = a + b, s3 = s2 + b, s4 = s3 + b, s5 = s4 + b, s6 = s5 + b, s7 = s6 + b,\n"
    "      s8 = s7 + b, s9 = s8 + b, s10 = s9 + b, s11 = s10 + b;\n"
    "  for (int i = 0; i < rounds; i++) {\n"
    "    s0 = fma (s0, a, b); s1 = fma (s1, a, b); s2 = fma (s2, a, b); s3 = fma (s3, a, b);\n"
    "    s4 = fma (s4, a, b); s5 = fma (s5, a, b); s6 = fma (s6, a, b); s7 = fma (s7, a, b);\n"
    "    s8 = fma (s8, a, b); s9 = fma (s9, a, b); s10 = fma (s10, a, b); s11 = fma (s11, a, b);\n"
    "  }\n"
    "  data[2 + get_global_id (0)] = s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;\n"
    "}\n";

static void
release_kernel (gpointer kernel)
{
  clReleaseKernel (kernel);
}

static cl_kernel
build (Check * check, gboolean vector)
{
  cl_device_id id = ocl_device_id (check->device);
  cl_program program;
  cl_kernel kernel;
  cl_int status;

  program = clCreateProgramWithSource (ocl_device_context (check->device), 1,
      &source, NULL, &status);
  check_that (check, program != NULL, "clCreateProgramWithSource fails");
  status = clBuildProgram (program, 1, &id, vector ? "-DFLOATV=float16" :
      "-DFLOATV=float", NULL, NULL);
  check_that (check, status == CL_SUCCESS, "clBuildProgram fails");
  kernel = clCreateKernel (program, "peak", &status);
  check_that (check, kernel != NULL, "clCreateKernel fails");
  clReleaseProgram (program);
  return check_own (check, kernel, release_kernel);
}

void
check_peak (Check * check)
{
  gboolean vector = check->form == OCL_FORM_VECTOR;
  gsize lanes = vector ? 16 : 1, local = vector ? 1 : 64;
  gsize items = MAX (ocl_device_caps (check->device)->compute_units, 1)
      * ITEMS_PER_UNIT * local;
  gdouble operations = 2.0 * items * lanes * SUMS * ROUNDS, best = 0;
  cl_command_queue handle = ocl_queue_handle (check->queue);
  cl_int rounds = ROUNDS;
  cl_kernel kernel;
  cl_mem mem;

  if (!check->bench || check->type != OCL_F32
      || !check_begin (check, operations, "fma"))
    return;
  mem = ocl_buffer_mem (check_vector (check,
          check_normal (check, (items + 2) * lanes, 0.1), (items + 2) * lanes));
  kernel = build (check, vector);
  clSetKernelArg (kernel, 0, sizeof mem, &mem);
  clSetKernelArg (kernel, 1, sizeof rounds, &rounds);
  /* check_repeat () would ask the queue for the time of launches that it does not know. */
  for (guint i = 0; i < REPEATS; i++) {
    gint64 start = g_get_monotonic_time ();
    check_that (check, clEnqueueNDRangeKernel (handle, kernel, 1, NULL, &items,
            &local, 0, NULL, NULL) == CL_SUCCESS
        && clFinish (handle) == CL_SUCCESS, "the launch fails");
    best = MAX (best, operations / (g_get_monotonic_time () - start) * 1e-3);
  }
  g_print ("peak/fma, the most that others can reach: %.1f GFLOP/s\n", best);
}
