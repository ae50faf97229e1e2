/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Linear layers: the gather matrix product with one tap, or CLBlast's product followed by the epilogue as a kernel
 * of its own (kernels/gemm_epilogue.cl). CLBlast is tuned for many GPUs that this project has never run on; it is
 * taken where the tuner found it faster, or if VLDM_GEMM=clblast forces it.
 */

#include "opencl/ops/linear.h"
#include "opencl/kernels/shared.clh"
#include "opencl/ops/gemm.h"

#include <clblast_c.h>

/* Rows that a work-item of gemm_epilogue.cl finishes, one after the other. */
#define ROWS_PER_ITEM 16

/* Operations per compute unit in one call of CLBlast, and its minimum number of rows. */
#define PART_WORK 5e8
#define SMALLEST_PART 64

/* Rows of one of CLBlast's products: sums [rows, n_panels * panel] = input x panels, one product of a batch for each
 * panel. */
typedef struct
{
  const OclWeights *weights;
  const OclTensor *input, *sums;
  gsize first, rows;
} Product;

static gboolean
enqueue_product (OclQueue * queue, gpointer user_data, cl_event * event,
    GError ** error)
{
  const Product *p = user_data;
  const OclWeights *weights = p->weights;
  cl_command_queue handle = ocl_queue_handle (queue);
  CLBlastStatusCode status =
      CLBlastSgemmStridedBatched (CLBlastLayoutRowMajor, CLBlastTransposeNo,
      CLBlastTransposeNo,
      p->rows, weights->panel, weights->layer.in_channels, 1.0f,
      ocl_buffer_mem (p->input->buffer),
      p->input->offset + p->first * p->input->stride, p->input->stride, 0,
      ocl_buffer_mem (weights->panels), 0, weights->panel,
      weights->layer.in_channels * weights->panel, 0.0f,
      ocl_buffer_mem (p->sums->buffer),
      p->sums->offset + p->first * p->sums->stride, p->sums->stride,
      weights->panel, weights->n_panels, &handle, event);

  if (status == CLBlastSuccess)
    return TRUE;
  g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
      "CLBlastSgemmStridedBatched (%" G_GSIZE_FORMAT " x %u x %" G_GSIZE_FORMAT
      ", batch %u) fails with status %d", p->rows, weights->panel,
      weights->layer.in_channels, weights->n_panels, (int) status);
  return FALSE;
}

/* Runs in parts that keep no device busy for long. Their size may not depend on how fast the device turns out to be,
 * because CLBlast sums in another order where there are fewer rows. */
static gboolean
clblast_product (OclQueue * queue, const OclWeights * weights,
    const OclTensor * input, const OclTensor * sums, GError ** error)
{
  const OclCaps *caps = ocl_device_caps (ocl_queue_device (queue));
  gsize rows = ocl_tensor_pixels (input);
  gdouble work = 2.0 * weights->layer.in_channels * sums->channels;
  gsize part = MAX (PART_WORK * MAX (caps->compute_units, 1) / work,
      SMALLEST_PART);

  for (gsize first = 0; first < rows; first += part) {
    Product product = { weights, input, sums, first, MIN (part, rows - first) };
    OclCall call = { "clblast", "SgemmStridedBatched" };
    call.work = work * product.rows;
    call.enqueue = enqueue_product;
    call.user_data = &product;
    if (!ocl_queue_run (queue, &call, error))
      return FALSE;
  }
  return TRUE;
}

static gboolean
finish_sums (OclQueue * queue, const OclWeights * weights,
    const OclTensor * sums, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  gboolean vector =
      ocl_device_caps (ocl_queue_device (queue))->form == OCL_FORM_VECTOR;
  gsize rows = ocl_tensor_pixels (output);
  OclCall call = { 0 };

  call.program = call.kernel = "gemm_epilogue";
  call.options = vector ? "-DVEC=16" : "-DVEC=4";
  /* A work-item takes VEC columns and those 16 further right: a wide panel's columns are 1 or 4 work-items. */
  call.global[0] =
      (sums->channels + WIDE_PANEL - 1) / WIDE_PANEL * (vector ? 1 : 4);
  call.global[1] = (rows + ROWS_PER_ITEM - 1) / ROWS_PER_ITEM;
  call.work = 8.0 * rows * sums->channels;
  ocl_call_buffer (&call, sums->buffer);
  ocl_call_uint64 (&call, sums->offset);
  ocl_call_int (&call, sums->stride);
  ocl_call_int (&call, sums->channels);
  ocl_call_int (&call, rows);
  ocl_call_int (&call, ROWS_PER_ITEM);
  ocl_call_epilogue (&call, weights, epilogue, output);
  return ocl_queue_run (queue, &call, error);
}

static gboolean
run_clblast (OclQueue * queue, const OclProduct * p, guint unused,
    GError ** error)
{
  const OclWeights *weights = p->weights;
  OclArena *arena = ocl_queue_arena (queue);
  OclArenaMark mark = ocl_arena_mark (arena);
  OclTensor sums;
  gboolean ok;

  ok = ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1,
          ocl_tensor_pixels (p->input),
          (gsize) weights->n_panels * weights->panel), &sums, error)
      && clblast_product (queue, weights, p->input, &sums, error)
      && finish_sums (queue, weights, &sums, p->epilogue, p->output, error);
  ocl_arena_release (arena, mark);
  return ok;
}

static gboolean
run_own (OclQueue * queue, const OclProduct * p, guint unused, GError ** error)
{
  OclTensor rows = *p->input;
  OclProduct product = *p;

  /* All pixels are treated alike, so the input may be read in the shape of the output. */
  rows.frames = p->output->frames;
  rows.height = p->output->height;
  rows.width = p->output->width;
  product.input = &rows;
  return ocl_gemm (queue, &product, error);
}

/* CLBlast multiplies fp32 only. */
static gboolean
can_clblast (OclDevice * device, const OclProduct * product, guint unused)
{
  return product->weights->layer.type == OCL_F32
      && product->input->type == OCL_F32;
}

/* Unknown until it is measured. */
static gboolean
suits_clblast (OclDevice * device, const OclProduct * product, guint unused)
{
  return FALSE;
}

static const OclVariant libraries[] = {
  {"own", 0, NULL, NULL, run_own},
  {"clblast", 0, can_clblast, suits_clblast, run_clblast},
};

static const OclVariants variants =
    { "linear", OCL_ENVIRONMENT_GEMM, libraries, G_N_ELEMENTS (libraries) };

gboolean
ocl_linear (OclQueue * queue, const OclWeights * weights,
    const OclTensor * input, const OclEpilogue * epilogue,
    const OclTensor * output, GError ** error)
{
  const OclProduct product = {
    .weights = weights,
    .input = input,
    .output = output,
    .epilogue = epilogue,
  };

  if (ocl_tensor_pixels (input) != ocl_tensor_pixels (output)
      || input->channels != weights->layer.in_channels) {
    g_autofree char *from = ocl_tensor_shape (input), *to =
        ocl_tensor_shape (output);
    g_set_error (error, OCL_ERROR, OCL_ERROR_CALL,
        "linear: input %s for output %s and a layer of %" G_GSIZE_FORMAT
        " inputs: pixels and channels must agree", from, to,
        weights->layer.in_channels);
    return FALSE;
  }
  return ocl_epilogue_check ("linear", weights, epilogue, output, error)
      && ocl_product_run (queue, &variants, &product, error);
}
