/* Many fits by the original lmder (Debian's minpack-dev), driven from C with analytic derivatives:
   what benchmarks/many_fits.py holds fitcore against. Covariances are from its triangle. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

typedef void (*lmder_fcn)(int *m, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
                          int *iflag);
void lmder_(lmder_fcn fcn, int *m, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
            double *ftol, double *xtol, double *gtol, int *maxfev, double *diag, int *mode,
            double *factor, int *nprint, int *info, int *nfev, int *njev, int *ipvt, double *qtf,
            double *wa1, double *wa2, double *wa3, double *wa4);

static const double root = 2.506628274631000502; /* sqrt(2 pi) */

/* The data set that is being fitted. */
static const double *X, *X2, *Y;

/* amplitude, center, sigma of a Gaussian of unit area; an offset */
static void peak(int *m, int *n, double *p, double *fvec, double *fjac, int *ldfjac, int *iflag)
{
    const double width = 1 / p[2], scale = width / root;
    double *restrict f = fvec, *restrict d = fjac;
    const int k = *m, ld = *ldfjac;
    (void) n;
    if (*iflag == 1) {
        for (int i = 0; i < k; i++) {
            const double t = (X[i] - p[1]) * width;
            f[i] = p[0] * scale * exp(-0.5 * t * t) + p[3] - Y[i];
        }
    } else {
        for (int i = 0; i < k; i++) {
            const double t = (X[i] - p[1]) * width, e = scale * exp(-0.5 * t * t);
            d[i] = e;
            d[i + ld] = p[0] * e * t * width;
            d[i + 2 * ld] = p[0] * e * (t * t - 1) * width;
            d[i + 3 * ld] = 1;
        }
    }
}

/* amplitude, centers and sigmas of a Gaussian in two variables */
static void spot(int *m, int *n, double *p, double *fvec, double *fjac, int *ldfjac, int *iflag)
{
    const double wx = 1 / p[3], wy = 1 / p[4], scale = wx * wy / (root * root);
    double *restrict f = fvec, *restrict d = fjac;
    const int k = *m, ld = *ldfjac;
    (void) n;
    if (*iflag == 1) {
        for (int i = 0; i < k; i++) {
            const double t = (X[i] - p[1]) * wx, u = (X2[i] - p[2]) * wy;
            f[i] = p[0] * scale * exp(-0.5 * (t * t + u * u)) - Y[i];
        }
    } else {
        for (int i = 0; i < k; i++) {
            const double t = (X[i] - p[1]) * wx, u = (X2[i] - p[2]) * wy;
            const double e = scale * exp(-0.5 * (t * t + u * u)), a = p[0] * e;
            d[i] = e;
            d[i + ld] = a * t * wx;
            d[i + 2 * ld] = a * u * wy;
            d[i + 3 * ld] = a * (t * t - 1) * wx;
            d[i + 4 * ld] = a * (u * u - 1) * wy;
        }
    }
}

/* (R^T R)^-1 from the pivoted triangle in fjac, which is overwritten by its inverse. */
static void covariance(int n, int m, double *fjac, const int *ipvt, double *covar)
{
    for (int j = 0; j < n; j++) {
        fjac[j + j * m] = 1 / fjac[j + j * m];
        for (int i = j - 1; i >= 0; i--) {
            double sum = 0;
            for (int k = i + 1; k <= j; k++)
                sum += fjac[i + k * m] * fjac[k + j * m];
            fjac[i + j * m] = -sum * fjac[i + i * m];
        }
    }
    for (int i = 0; i < n; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0;
            for (int k = i; k < n; k++)
                sum += fjac[i + k * m] * fjac[j + k * m];
            covar[(ipvt[i] - 1) * n + ipvt[j] - 1] = covar[(ipvt[j] - 1) * n + ipvt[i] - 1] = sum;
        }
}

/* Fit nfits data sets y, m points each; values n each, from where they start to the solutions;
   covar n by n each, not scaled. Returns the number of evaluations. */
int64_t lmder_loop(int two, int64_t nfits, int m, int n, const double *x, const double *y,
                   double *values, double *covar, double tol)
{
    double *memory = malloc(sizeof(double) * (m * (n + 2) + 8 * n));
    double *fvec = memory, *wa4 = fvec + m, *fjac = wa4 + m, *diag = fjac + m * n, *qtf = diag + n;
    double *wa1 = qtf + n, *wa2 = wa1 + n, *wa3 = wa2 + n;
    int *ipvt = malloc(sizeof(int) * n);
    double gtol = 0, factor = 100;
    int maxfev = 2000, mode = 1, nprint = 0, info, nfev, njev;
    int64_t evaluations = 0;
    X = x;
    X2 = x + m;
    for (int64_t i = 0; i < nfits; i++) {
        Y = y + i * m;
        lmder_(two ? spot : peak, &m, &n, values + i * n, fvec, fjac, &m, &tol, &tol, &gtol, &maxfev,
               diag, &mode, &factor, &nprint, &info, &nfev, &njev, ipvt, qtf, wa1, wa2, wa3, wa4);
        evaluations += nfev;
        covariance(n, m, fjac, ipvt, covar + i * n * n);
    }
    free(memory);
    free(ipvt);
    return evaluations;
}
