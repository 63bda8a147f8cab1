#ifndef FITCORE_SOLE_OWNER_H
#define FITCORE_SOLE_OWNER_H

/* Whether nobody else holds the Python object: its memory may then be taken over. Without the
   GIL a reference count does not tell. */
#ifdef Py_GIL_DISABLED
#define FITCORE_SOLE_OWNER(o) 0
#else
#define FITCORE_SOLE_OWNER(o) (Py_REFCNT(o) == 1)
#endif

#endif
