/* object.c - counted objects: see io.h. */
#include "wasi/io.h"

#include <assert.h>
#include <stdlib.h>

void *wasi_object_create(size_t size, void (*finish)(void *self))
{
    assert(size >= sizeof(wasi_object));
    wasi_object *object = calloc(1, size);
    if (!object)
        return NULL;
    object->refs = 1;
    object->finish = finish;
    return object;
}

void *wasi_retain(void *object)
{
    ((wasi_object *)object)->refs++;
    return object;
}

void wasi_release(void *self)
{
    wasi_object *object = self;
    if (!object)
        return;
    assert(object->refs);
    if (!--object->refs)
        object->finish(object);
}

void wasi_drop(void *host, void *rep)
{
    wasi_release(rep);
}
