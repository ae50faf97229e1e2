/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * GMutex and GCond made of pthread's, for ThreadSanitizer: GLib's own wait on futexes, which it cannot see, so that it takes
 * everything they guard for a race. Preloaded, these functions stand in for GLib's in every library but GLib itself, which
 * calls its own directly. GRecMutex and GRWLock are pthread's already; a GAsyncQueue, whose lock is inside GLib, is told to
 * ThreadSanitizer as what it is: what was done before a push happened before the pop.
 */
#define _GNU_SOURCE             /* RTLD_NEXT */

#include <dlfcn.h>
#include <errno.h>
#include <glib.h>
#include <pthread.h>
#include <sanitizer/tsan_interface.h>

static pthread_mutex_t *
new_mutex (void)
{
  pthread_mutex_t *own = g_new (pthread_mutex_t, 1);

  pthread_mutex_init (own, NULL);
  return own;
}

static void
free_mutex (pthread_mutex_t * own)
{
  pthread_mutex_destroy (own);
  g_free (own);
}

/* A GMutex in static memory is not initialised: the first call makes it. */
static pthread_mutex_t *
mutex_of (GMutex * mutex)
{
  pthread_mutex_t *own = g_atomic_pointer_get (&mutex->p);

  if (own == NULL) {
    own = new_mutex ();
    if (!g_atomic_pointer_compare_and_exchange (&mutex->p, NULL, own)) {
      free_mutex (own);
      own = g_atomic_pointer_get (&mutex->p);
    }
  }
  return own;
}

void
g_mutex_init (GMutex * mutex)
{
  g_atomic_pointer_set (&mutex->p, new_mutex ());
}

void
g_mutex_clear (GMutex * mutex)
{
  g_clear_pointer (&mutex->p, free_mutex);
}

void
g_mutex_lock (GMutex * mutex)
{
  pthread_mutex_lock (mutex_of (mutex));
}

gboolean
g_mutex_trylock (GMutex * mutex)
{
  return pthread_mutex_trylock (mutex_of (mutex)) == 0;
}

void
g_mutex_unlock (GMutex * mutex)
{
  pthread_mutex_unlock (mutex_of (mutex));
}

/* By the monotonic clock, as g_cond_wait_until counts. */
static pthread_cond_t *
new_cond (void)
{
  pthread_cond_t *own = g_new (pthread_cond_t, 1);
  pthread_condattr_t attributes;

  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (own, &attributes);
  pthread_condattr_destroy (&attributes);
  return own;
}

static void
free_cond (pthread_cond_t * own)
{
  pthread_cond_destroy (own);
  g_free (own);
}

static pthread_cond_t *
cond_of (GCond * cond)
{
  pthread_cond_t *own = g_atomic_pointer_get (&cond->p);

  if (own == NULL) {
    own = new_cond ();
    if (!g_atomic_pointer_compare_and_exchange (&cond->p, NULL, own)) {
      free_cond (own);
      own = g_atomic_pointer_get (&cond->p);
    }
  }
  return own;
}

void
g_cond_init (GCond * cond)
{
  g_atomic_pointer_set (&cond->p, new_cond ());
}

void
g_cond_clear (GCond * cond)
{
  g_clear_pointer (&cond->p, free_cond);
}

void
g_cond_wait (GCond * cond, GMutex * mutex)
{
  pthread_cond_wait (cond_of (cond), mutex_of (mutex));
}

gboolean
g_cond_wait_until (GCond * cond, GMutex * mutex, gint64 end_time)
{
  struct timespec end = { end_time / G_USEC_PER_SEC,
    end_time % G_USEC_PER_SEC * 1000
  };

  return pthread_cond_timedwait (cond_of (cond), mutex_of (mutex), &end)
      != ETIMEDOUT;
}

void
g_cond_signal (GCond * cond)
{
  pthread_cond_signal (cond_of (cond));
}

void
g_cond_broadcast (GCond * cond)
{
  pthread_cond_broadcast (cond_of (cond));
}

void
g_async_queue_push (GAsyncQueue * queue, gpointer data)
{
  void (*push) (GAsyncQueue *, gpointer) =
      dlsym (RTLD_NEXT, "g_async_queue_push");

  __tsan_release (queue);
  push (queue, data);
}

gpointer
g_async_queue_pop (GAsyncQueue * queue)
{
  gpointer (*pop) (GAsyncQueue *) = dlsym (RTLD_NEXT, "g_async_queue_pop");
  gpointer data = pop (queue);

  __tsan_acquire (queue);
  return data;
}

gpointer
g_async_queue_try_pop (GAsyncQueue * queue)
{
  gpointer (*pop) (GAsyncQueue *) = dlsym (RTLD_NEXT, "g_async_queue_try_pop");
  gpointer data = pop (queue);

  __tsan_acquire (queue);
  return data;
}

gpointer
g_async_queue_timeout_pop (GAsyncQueue * queue, guint64 timeout)
{
  gpointer (*pop) (GAsyncQueue *, guint64) =
      dlsym (RTLD_NEXT, "g_async_queue_timeout_pop");
  gpointer data = pop (queue, timeout);

  __tsan_acquire (queue);
  return data;
}
