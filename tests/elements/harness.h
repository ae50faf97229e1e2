/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What tests of elements share: registration without a plugin file, errors from the bus, and stopping.
 */
#pragma once

#include <gst/check/gstcheck.h>
#include <gst/check/gstharness.h>

/* Such as gst_resource_error_quark, for tables. */
typedef GQuark (*CheckDomain) (void);

/* Resets the fake stages. A checked fixture. */
void check_setup (void);

/* main () of a test program: registers the elements and runs @suite; returns check's number of failures. */
int check_run (int argc, char **argv, Suite * suite);

/* A vldmsrc with its source pad only, not playing. */
GstHarness *check_source (void);

/* What gst-launch-1.0 would make of @description, which must be right. */
GstElement *check_launch (const char *description);

/* Waits for a message of @types, at most 30 s; fails without one. */
GstMessage *check_wait_message (GstElement * element, GstBus * bus, GstMessageType types);

/* The next error on @bus must be in @domain with @code and say all of the NULL-terminated texts. */
void check_error (GstBus * bus, GQuark domain, gint code, ...) G_GNUC_NULL_TERMINATED;

/* Sets @element to NULL, and fails if something waited for work that takes long (fake_long_works) to end by itself. */
void check_stops (GstElement * element);

/* "stats" as one number. */
guint64 check_stat (GstElement * element, const char *field);

/* Caps of latents of 8 x 4 as the fake autoencoder makes them, with @fields: size of the picture and frame rate. */
#define CHECK_LATENTS_CAPS(fields) "video/x-vldm-latents, format=F32LE, latent-width=8, latent-height=4, " \
    "latent-channels=4, latent-space=vae, pixel-aspect-ratio=1/1, " fields
#define CHECK_LATENTS_VALUES (4 * 4 * 8)

/* A frame of such latents, at @pts; all of its values are @n. */
GstBuffer *check_latents (guint64 n, GstClockTime pts);

/* One element with its properties, as for gst-launch-1.0, between the pads of a harness. @caps may be NULL. */
GstHarness *check_harness (const char *description, const char *caps);
