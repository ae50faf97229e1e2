/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The runtime's promises about errors, devices and memory.
 */

#include "tests/runtime/fixture.h"

#include <string.h>

/* Errors */

static void
status_becomes_error (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_true (ocl_check (CL_SUCCESS, &error, "clThing"));
  g_assert_no_error (error);
  g_assert_false (ocl_check (CL_INVALID_KERNEL_ARGS, &error, "clThing of %d",
          7));
  assert_says (error, OCL_ERROR_CALL, "clThing of 7 failed: "
      "CL_INVALID_KERNEL_ARGS (-52)");
  g_clear_error (&error);
  g_assert_false (ocl_check (CL_MEM_OBJECT_ALLOCATION_FAILURE, &error, "x"));
  g_assert_error (error, OCL_ERROR, OCL_ERROR_MEMORY);
}

static void
half_precision (void)
{
  for (guint i = 0; i < 65536; i++) {
    gfloat value = ocl_float_from_half (i);
    if ((i & 0x7fff) <= 0x7c00)
      g_assert_cmpuint (ocl_half_from_float (value), ==, i);
    else
      g_assert_true (value != value);
  }
  g_assert_cmpuint (ocl_half_from_float (1 + 0x1p-11f), ==, 0x3c00);
  g_assert_cmpuint (ocl_half_from_float (1 + 0x1.8p-10f), ==, 0x3c02);
  g_assert_cmpuint (ocl_half_from_float (65520), ==, 0x7c00);
  g_assert_cmpuint (ocl_half_from_float (65519), ==, 0x7bff);
}

/* Devices */

static void
unknown_device_lists_those_there_are (Fixture * f, gconstpointer unused)
{
  const char *selectors[] = { "no such device", "99", "-1" };

  for (guint i = 0; i < G_N_ELEMENTS (selectors); i++) {
    g_autoptr (GError) error = NULL;
    g_assert_null (ocl_device_open (selectors[i], OCL_FORM_AUTO, &error));
    assert_says (error, OCL_ERROR_NO_DEVICE, selectors[i]);
    assert_says (error, OCL_ERROR_NO_DEVICE, "0 = ");
  }
}

static void
device_is_found_by_environment (Fixture * f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;

  g_setenv ("VLDM_DEVICE", "none of these", TRUE);
  g_assert_null (ocl_device_open (NULL, OCL_FORM_AUTO, &error));
  assert_says (error, OCL_ERROR_NO_DEVICE, "none of these");
  g_clear_error (&error);
  g_setenv ("VLDM_DEVICE", "0", TRUE);
  ocl_device_unref (ocl_device_open ("", OCL_FORM_AUTO, &error));
  g_assert_no_error (error);
  g_unsetenv ("VLDM_DEVICE");
}

static void
form_is_forced_by_environment (Fixture * f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OclDevice) device = NULL;

  g_setenv ("VLDM_KERNEL_FORM", "tile", TRUE);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  g_assert_cmpint (ocl_device_caps (device)->form, ==, OCL_FORM_TILE);
  g_setenv ("VLDM_KERNEL_FORM", "round", TRUE);
  g_assert_null (ocl_device_open (NULL, OCL_FORM_AUTO, &error));
  assert_says (error, OCL_ERROR_CALL, "vector or tile");
  g_unsetenv ("VLDM_KERNEL_FORM");
}

static void
device_is_shared (Fixture * f, gconstpointer unused)
{
  OclForm form = ocl_device_caps (f->device)->form;
  g_autoptr (OclDevice) same = ocl_device_open (NULL, form, NULL);
  g_autoptr (OclDevice) other = ocl_device_open (NULL,
      form == OCL_FORM_TILE ? OCL_FORM_VECTOR : OCL_FORM_TILE, NULL);

  g_assert_true (same == f->device);
  g_assert_true (other != NULL && other != f->device);
}

/* Nothing keeps a device that nobody uses: the next one begins anew, here with its count of memory. */
static void
device_goes_with_its_last_reference (void)
{
  g_autoptr (GError) error = NULL;
  OclDevice *device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);

  g_assert_no_error (error);
  ocl_buffer_unref (ocl_buffer_new (device, 4096, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ocl_device_bytes_peak (device), ==, 4096);
  ocl_device_unref (device);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ocl_device_bytes_peak (device), ==, 0);
  ocl_device_unref (device);
}

/* Memory */

static void
oversized_buffers_are_refused (Fixture * f, gconstpointer unused)
{
  const OclCaps *caps = ocl_device_caps (f->device);
  g_autoptr (GError) error = NULL;
  OclTensor tensor;

  g_assert_null (ocl_buffer_new (f->device, G_MAXSIZE / 2, &error));
  assert_says (error, OCL_ERROR_MEMORY, "bytes wanted");
  g_clear_error (&error);
  if (caps->max_allocation < G_MAXSIZE) {
    g_assert_null (ocl_buffer_new (f->device, caps->max_allocation + 1,
            &error));
    assert_says (error, OCL_ERROR_MEMORY, "in one buffer");
    g_clear_error (&error);
  }
  g_assert_false (ocl_tensor_alloc (f->queue, OCL_F32, ocl_shape (G_MAXUINT32,
              G_MAXUINT32, 3, 1), &tensor, &error));
  assert_says (error, OCL_ERROR_MEMORY, "larger than any memory");
  g_clear_error (&error);
  g_assert_false (ocl_tensor_alloc (f->queue, OCL_F32, ocl_shape (1, 1, 1,
              G_MAXSIZE / 4), &tensor, &error));
  g_assert_error (error, OCL_ERROR, OCL_ERROR_MEMORY);
}

/* The device counts what buffers hold, up to all that it has. */
static void
memory_is_counted (Fixture * f, gconstpointer unused)
{
  g_autoptr (GError) error = NULL;
  OclBuffer *buffer = ocl_buffer_new (f->device, 12345, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (ocl_device_bytes_allocated (f->device), ==, 12345);
  ocl_buffer_unref (ocl_buffer_ref (buffer));
  ocl_buffer_unref (buffer);
  g_assert_cmpuint (ocl_device_bytes_allocated (f->device), ==, 0);
  g_assert_cmpuint (ocl_device_bytes_peak (f->device), >=, 12345);
}

static void
memory_is_limited_by_environment (void)
{
  static const char *const bad[] = { "0", "-1", "2T", "1 G", "G",
    "99999999999999999999G"
  };
  g_autoptr (GError) error = NULL;
  OclDevice *device;

  g_setenv ("VLDM_MEMORY", "3M", TRUE);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ocl_device_caps (device)->global_memory, ==, 3 << 20);
  g_assert_cmpuint (ocl_device_caps (device)->max_allocation, ==, 3 << 20);
  g_assert_null (ocl_buffer_new (device, (3 << 20) + 1, &error));
  assert_says (error, OCL_ERROR_MEMORY, "bytes wanted");
  g_clear_error (&error);
  ocl_device_unref (device);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    g_setenv ("VLDM_MEMORY", bad[i], TRUE);
    g_assert_null (ocl_device_open (NULL, OCL_FORM_AUTO, &error));
    assert_says (error, OCL_ERROR_CALL, "such as");
    g_clear_error (&error);
  }
  g_setenv ("VLDM_MEMORY", "", TRUE);
  device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (ocl_device_caps (device)->global_memory, >, 3 << 20);
  ocl_device_unref (device);
  g_unsetenv ("VLDM_MEMORY");
}

static void
arena_is_a_stack (Fixture * f, gconstpointer unused)
{
  OclArena *arena = ocl_queue_arena (f->queue);
  g_autoptr (GError) error = NULL;
  OclBuffer *first, *second, *again;
  gsize first_at, second_at, again_at;
  const OclArenaMark beginning = { 0 };
  OclArenaMark mark;

  g_assert_true (ocl_arena_alloc (arena, 100, &first, &first_at, &error));
  mark = ocl_arena_mark (arena);
  g_assert_true (ocl_arena_alloc (arena, 1, &second, &second_at, &error));
  g_assert_true (first == second);
  g_assert_cmpuint (second_at, >=, first_at + 100);
  g_assert_cmpuint (second_at % 256, ==, 0);
  ocl_arena_release (arena, mark);
  g_assert_true (ocl_arena_alloc (arena, 5000, &again, &again_at, &error));
  g_assert_true (again == second && again_at == second_at);
  g_assert_cmpuint (ocl_arena_unused (arena), ==, 0);
  ocl_arena_release (arena, beginning);
  g_assert_cmpuint (ocl_arena_unused (arena), ==, ocl_buffer_size (again));
  g_assert_no_error (error);
}

/* Requests of changing sizes, as layers make them: slices never overlap, and rounds like the first allocate nothing. */
static void
arena_settles (Fixture * f, gconstpointer unused)
{
  static const gsize megabytes[] = { 3, 30, 1, 17, 5, 2, 40 };
  OclArena *arena = ocl_queue_arena (f->queue);
  g_autoptr (GError) error = NULL;
  guint64 settled = 0;

  for (guint round = 0; round < 6; round++) {
    OclArenaMark mark = ocl_arena_mark (arena);
    OclBuffer *buffers[G_N_ELEMENTS (megabytes)];
    gsize offsets[G_N_ELEMENTS (megabytes)];
    for (guint i = 0; i < G_N_ELEMENTS (megabytes); i++) {
      gsize bytes = megabytes[(i + round % 2) % G_N_ELEMENTS (megabytes)] << 20;
      g_assert_true (ocl_arena_alloc (arena, bytes, &buffers[i], &offsets[i],
              &error));
      g_assert_cmpuint (offsets[i] + bytes, <=, ocl_buffer_size (buffers[i]));
      for (guint k = 0; k < i; k++)
        g_assert_true (buffers[k] != buffers[i] || offsets[k] < offsets[i]);
    }
    ocl_arena_release (arena, mark);
    if (round == 3)
      settled = ocl_device_bytes_allocated (f->device);
    if (round > 3)
      g_assert_cmpuint (ocl_device_bytes_allocated (f->device), ==, settled);
  }
  ocl_arena_clear (arena);
  g_assert_cmpuint (ocl_device_bytes_allocated (f->device), ==, 0);
}

/* Kilobytes of this process in memory. */
static guint64
resident_kb (void)
{
  g_autofree char *text = NULL;
  guint64 pages = 0;

  if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    pages = g_ascii_strtoull (strchr (text, ' '), NULL, 10);
  return pages * 4;
}

static void
open_and_close (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (OclDevice) device = ocl_device_open (NULL, OCL_FORM_AUTO, &error);
  g_autoptr (OclQueue) queue = NULL;
  OclTensor tensor;
  gfloat data[64] = { 0 };

  g_assert_no_error (error);
  queue = ocl_queue_new (device, &error);
  g_assert_no_error (error);
  g_assert_true (ocl_tensor_alloc (queue, OCL_F32, ocl_shape (1, 1, 1, 64),
          &tensor, &error));
  g_assert_true (ocl_tensor_write (queue, &tensor, data, &error));
  g_assert_true (ocl_activate (queue, OCL_ACTIVATION_SILU, &tensor, &tensor,
          &error));
  g_assert_true (ocl_tensor_read (queue, &tensor, data, &error));
}

static void
nothing_grows (gconstpointer cycles)
{
  const guint n = GPOINTER_TO_UINT (cycles);
  guint64 kb[3];

  /* After a fifth of the cycles, after three fifths and at the end. */
  for (guint i = 0; i <= n; i++) {
    if (i % (2 * n / 5) == n / 5)
      kb[i / (2 * n / 5)] = resident_kb ();
    if (i < n)
      open_and_close ();
  }
  g_test_message ("%u cycles: %" G_GUINT64_FORMAT " kB, %" G_GUINT64_FORMAT
      " kB, then %" G_GUINT64_FORMAT " kB", n, kb[0], kb[1], kb[2]);
#if !defined (__SANITIZE_ADDRESS__) && !defined (__SANITIZE_THREAD__)
  /* A queue or a context that stays costs 10 kB a cycle, before the middle and after it. What the allocator takes for a new
   * thread comes once, 14 MB at a time. A sanitizer finds a leak by itself, or keeps what was freed. */
  g_assert_true (kb[1] < kb[0] + 5 * n / 2 || kb[2] < kb[1] + 5 * n / 2);
#endif
}

#define ADD(name) \
  g_test_add ("/runtime/" #name, Fixture, NULL, set_up, name, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/runtime/status_becomes_error", status_becomes_error);
  g_test_add_func ("/runtime/half_precision", half_precision);
  ADD (unknown_device_lists_those_there_are);
  ADD (device_is_found_by_environment);
  ADD (form_is_forced_by_environment);
  ADD (device_is_shared);
  g_test_add_func ("/runtime/device_goes_with_its_last_reference",
      device_goes_with_its_last_reference);
  ADD (oversized_buffers_are_refused);
  ADD (memory_is_counted);
  g_test_add_func ("/runtime/memory_is_limited_by_environment",
      memory_is_limited_by_environment);
  ADD (arena_is_a_stack);
  ADD (arena_settles);
  g_test_add_data_func ("/runtime/nothing_grows",
      GUINT_TO_POINTER (g_test_slow ()? 1000 : 200), nothing_grows);
  return g_test_run ();
}
