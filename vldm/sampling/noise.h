/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Normal noise equal to torch.randn with a CPU generator, so that runs compare with diffusers number by number.
 * Source: PyTorch's CPUGeneratorImpl (mt19937) and normal_fill; see each function.
 */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VldmNoise VldmNoise;

/* torch.Generator ("cpu").manual_seed (@seed). */
VldmNoise *vldm_noise_new (guint32 seed);
void vldm_noise_free (VldmNoise * noise);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VldmNoise, vldm_noise_free);

/* The next torch.randn (n) in fp32, within 1e-6; successive calls go on as torch does. */
void vldm_noise_fill (VldmNoise * noise, gfloat * out, gsize n);

G_END_DECLS
