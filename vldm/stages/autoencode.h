/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * One run of an autoencoder's half, and what becomes of one that overflows in half precision.
 */
#pragma once

#include "vldm/model.h"
#include "vldm/networks/autoencoder.h"
#include "vldm/stages/report.h"

G_BEGIN_DECLS

/* Decodes or encodes @input to @output, whichever @autoencoder, one of @model's, does. Waits, and fails unless the result is
 * finite (finite.h). What overflows in half precision runs again in fp32, with a warning through @report, where the user
 * left the precision open; so do all later runs of the same autoencoder, without a warning. */
gboolean vldm_autoencode (VldmModel * model, VldmAutoencoder * autoencoder, OclQueue * queue, const OclTensor * input,
    const OclTensor * output, VldmReport * report, GError ** error);

G_END_DECLS
