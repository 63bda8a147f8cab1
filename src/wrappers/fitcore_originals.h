/* The original routines, as gfortran and its kin name and call them: everything by reference, the
   lengths of character arguments behind the rest. ANL-80-74 and Algorithm 778 document them. */
#ifndef FITCORE_ORIGINALS_H
#define FITCORE_ORIGINALS_H

#include <stddef.h>

typedef void (*fitcore_fcn)(int *m, int *n, double *x, double *fvec, int *iflag);
typedef void (*fitcore_fcn_jac)(int *m, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
                                int *iflag);
typedef void (*fitcore_fcn_row)(int *m, int *n, double *x, double *fvec, double *fjrow, int *iflag);
typedef void (*fitcore_sys)(int *n, double *x, double *fvec, int *iflag);
typedef void (*fitcore_sys_jac)(int *n, double *x, double *fvec, double *fjac, int *ldfjac,
                                int *iflag);

void lmdif_(fitcore_fcn fcn, int *m, int *n, double *x, double *fvec, double *ftol, double *xtol,
            double *gtol, int *maxfev, double *epsfcn, double *diag, int *mode, double *factor,
            int *nprint, int *info, int *nfev, double *fjac, int *ldfjac, int *ipvt, double *qtf,
            double *wa1, double *wa2, double *wa3, double *wa4);
void lmder_(fitcore_fcn_jac fcn, int *m, int *n, double *x, double *fvec, double *fjac,
            int *ldfjac, double *ftol, double *xtol, double *gtol, int *maxfev, double *diag,
            int *mode, double *factor, int *nprint, int *info, int *nfev, int *njev, int *ipvt,
            double *qtf, double *wa1, double *wa2, double *wa3, double *wa4);
void lmstr_(fitcore_fcn_row fcn, int *m, int *n, double *x, double *fvec, double *fjac,
            int *ldfjac, double *ftol, double *xtol, double *gtol, int *maxfev, double *diag,
            int *mode, double *factor, int *nprint, int *info, int *nfev, int *njev, int *ipvt,
            double *qtf, double *wa1, double *wa2, double *wa3, double *wa4);
void hybrd_(fitcore_sys fcn, int *n, double *x, double *fvec, double *xtol, int *maxfev, int *ml,
            int *mu, double *epsfcn, double *diag, int *mode, double *factor, int *nprint,
            int *info, int *nfev, double *fjac, int *ldfjac, double *r, int *lr, double *qtf,
            double *wa1, double *wa2, double *wa3, double *wa4);
void hybrj_(fitcore_sys_jac fcn, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
            double *xtol, int *maxfev, double *diag, int *mode, double *factor, int *nprint,
            int *info, int *nfev, int *njev, double *r, int *lr, double *qtf, double *wa1,
            double *wa2, double *wa3, double *wa4);
void chkder_(int *m, int *n, double *x, double *fvec, double *fjac, int *ldfjac, double *xp,
             double *fvecp, int *mode, double *err);
void lmdif1_(fitcore_fcn fcn, int *m, int *n, double *x, double *fvec, double *tol, int *info,
             int *iwa, double *wa, int *lwa);
void lmder1_(fitcore_fcn_jac fcn, int *m, int *n, double *x, double *fvec, double *fjac,
             int *ldfjac, double *tol, int *info, int *ipvt, double *wa, int *lwa);
void lmstr1_(fitcore_fcn_row fcn, int *m, int *n, double *x, double *fvec, double *fjac,
             int *ldfjac, double *tol, int *info, int *ipvt, double *wa, int *lwa);
void hybrd1_(fitcore_sys fcn, int *n, double *x, double *fvec, double *tol, int *info, double *wa,
             int *lwa);
void hybrj1_(fitcore_sys_jac fcn, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
             double *tol, int *info, double *wa, int *lwa);
void fdjac1_(fitcore_sys fcn, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
             int *iflag, int *ml, int *mu, double *epsfcn, double *wa1, double *wa2);
void fdjac2_(fitcore_fcn fcn, int *m, int *n, double *x, double *fvec, double *fjac, int *ldfjac,
             int *iflag, double *epsfcn, double *wa);
double enorm_(int *n, double *x);
void qrfac_(int *m, int *n, double *a, int *lda, int *pivot, int *ipvt, int *lipvt, double *rdiag,
            double *acnorm, double *wa);
void qrsolv_(int *n, double *r, int *ldr, int *ipvt, double *diag, double *qtb, double *x,
             double *sdiag, double *wa);
void lmpar_(int *n, double *r, int *ldr, int *ipvt, double *diag, double *qtb, double *delta,
            double *par, double *x, double *sdiag, double *wa1, double *wa2);
void dogleg_(int *n, double *r, int *lr, double *diag, double *qtb, double *delta, double *x,
             double *wa1, double *wa2);

void setulb_(int *n, int *m, double *x, double *l, double *u, int *nbd, double *f, double *g,
             double *factr, double *pgtol, double *wa, int *iwa, char *task, int *iprint,
             char *csave, int *lsave, int *isave, double *dsave, size_t ltask, size_t lcsave);
void dcsrch_(double *f, double *g, double *stp, double *ftol, double *gtol, double *xtol,
             double *stpmin, double *stpmax, char *task, int *isave, double *dsave, size_t ltask);

void fitcore_originals_flush(void);

/* MINPACK's callbacks have no argument for data of the caller's: the call that is at work in this
   thread. A callback puts it back before it returns to Fortran, whatever ran in between. */
static _Thread_local void *fitcore_call = NULL;

#endif
