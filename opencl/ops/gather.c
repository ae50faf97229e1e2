/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Adds the geometry of convolutions to the arguments of kernels.
 */

#include "opencl/ops/gather.h"

/* scale_y or scale_x of gather.clh. */
static gint
upsampling_scale (gsize in, gsize up)
{
  return in == up ? 0 : (gint) (((guint64) in << 31) / up + 1);
}

void
ocl_call_gather (OclCall * call, const OclConv * conv,
    const OclLayer * layer, const OclTensor * input, const OclTensor * output)
{
  gsize up_height =
      conv->upsampled_height != 0 ? conv->upsampled_height : input->height;
  gsize up_width =
      conv->upsampled_width != 0 ? conv->upsampled_width : input->width;

  ocl_call_int (call, output->frames);
  ocl_call_int (call, output->height);
  ocl_call_int (call, output->width);
  ocl_call_int (call, input->height);
  ocl_call_int (call, input->width);
  ocl_call_int (call, up_height);
  ocl_call_int (call, up_width);
  ocl_call_int (call, upsampling_scale (input->height, up_height));
  ocl_call_int (call, upsampling_scale (input->width, up_width));
  ocl_call_int (call, MAX (conv->stride, 1));
  ocl_call_int (call, conv->pad_top);
  ocl_call_int (call, conv->pad_left);
  ocl_call_int (call, layer->kernel_t);
  ocl_call_int (call, layer->kernel_h);
  ocl_call_int (call, layer->kernel_w);
}

void
ocl_call_sources (OclCall * call, const OclTensor * input,
    const OclTensor * input2)
{
  ocl_call_tensor (call, input);
  ocl_call_int (call, input->channels);
  ocl_call_tensor (call, input2);
  ocl_call_int (call, input2 != NULL ? input2->channels : 0);
}
