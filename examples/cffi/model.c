/* A model in C, in the signature of fitcore.h. */
#include "fitcore.h"

#include <math.h>
#include <stddef.h>

int decay(int64_t m, int64_t nx, const double *x, int64_t n, const double *p, double *y,
          double *dy, void *user_data)
{
    (void) nx;
    (void) n;
    (void) user_data;
    for (int64_t i = 0; i < m; i++) {
        double e = exp(-x[i] / p[1]);
        if (y != NULL)
            y[i] = p[0] * e;
        if (dy != NULL) {
            dy[i] = e;
            dy[i + m] = p[0] * e * x[i] / (p[1] * p[1]);
        }
    }
    return 0;
}

/* That it has the signature is checked here. */
fitcore_model the_model = decay;
