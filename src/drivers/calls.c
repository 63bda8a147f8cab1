/* What the drivers share: evaluations counted, the clock, and functions made of functions. */
#include "fitcore_drive.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* Seconds between two looks, and the most evaluations between two readings of the clock, which
   costs some twenty nanoseconds. */
#define INTERVAL 0.05
#define MOST 64

static double seconds(void)
{
    struct timespec now;
    timespec_get(&now, TIME_UTC);
    return (double) now.tv_sec + 1e-9 * (double) now.tv_nsec;
}

int fitcore_calls_look(fitcore_calls *calls)
{
    double now, spent;
    if (calls->look == NULL || --calls->left > 0)
        return FITCORE_DRIVE_DONE;
    now = seconds();
    spent = now - calls->read;
    calls->read = now;
    if (calls->stride == 0 || spent > INTERVAL)
        calls->stride = 1;
    else if (spent < 0.1 * INTERVAL && calls->stride < MOST)
        calls->stride *= 2;
    calls->left = calls->stride;
    if (now >= calls->looked && now - calls->looked < INTERVAL)
        return FITCORE_DRIVE_DONE;
    calls->looked = now;
    return calls->look() != 0 ? FITCORE_DRIVE_LOOKED : FITCORE_DRIVE_DONE;
}

int fitcore_curve_residual(int64_t m, int64_t n, const double *p, double *f, double *fjac,
                           void *data)
{
    const fitcore_curve *curve = data;
    const double *y = curve->y, *weights = curve->weights;
    const double sign = curve->data_first ? -1.0 : 1.0; /* exact */
    int code = curve->model(m, curve->nx, curve->x, n, p, f, fjac, curve->data);
    if (code != 0)
        return code;
    for (int64_t i = 0; f != NULL && i < m; i++) {
        f[i] = sign * (f[i] - y[i]);
        if (weights != NULL)
            f[i] *= weights[i];
    }
    if (fjac != NULL && (weights != NULL || curve->data_first))
        for (int64_t j = 0; j < n; j++, fjac += m)
            for (int64_t i = 0; i < m; i++)
                fjac[i] *= weights != NULL ? sign * weights[i] : sign;
    return 0;
}

/* Where variable j goes for its difference: turned round or shortened where it would leave the
   bounds. */
static double moved(const fitcore_differences *d, int64_t j, double x)
{
    double scale = x >= 0 ? fmax(1.0, fabs(x)) : -fmax(1.0, fabs(x));
    double h = d->step != NULL ? d->step[j] : d->relative[j] * scale;
    double low, high, below, above;
    if ((x + h) - x == 0)
        h = d->usual * scale;
    if (d->lower == NULL)
        return x + h;
    low = d->lower[j];
    high = d->upper[j];
    below = x - low;
    above = high - x;
    if (fabs(h) > (h >= 0 ? above : below)) {
        if (fabs(h) <= fmax(below, above))
            h = -h;
        else
            h = above >= below ? above : -below;
    }
    return fmin(fmax(x + h, low), high);
}

int fitcore_forward_objective(int64_t n, const double *p, double *f, double *g, void *data)
{
    fitcore_differences *d = data;
    double there, end;
    int code = d->function(n, p, f, NULL, d->data);
    d->evaluations++;
    if (code != 0 || g == NULL)
        return code;
    d->gradients++;
    memcpy(d->point, p, (size_t) n * sizeof(double));
    for (int64_t j = 0; j < n; j++) {
        g[j] = 0;
        if (d->lower != NULL && d->lower[j] == d->upper[j])
            continue;
        end = moved(d, j, p[j]);
        d->point[j] = end;
        code = d->function(n, d->point, &there, NULL, d->data);
        d->evaluations++;
        if (code != 0)
            return code;
        if (end != p[j])
            g[j] = (there - *f) / (end - p[j]);
        d->point[j] = p[j];
    }
    return 0;
}
