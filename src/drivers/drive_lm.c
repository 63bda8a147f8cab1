/* Levenberg-Marquardt from its present task to the end, with or without bounds: what the methods
   loop() and differentiate() of the classes in minpack.pyx and _bounded_lm.pyx do, natively. */
#include "fitcore_drive.h"

#include <math.h>
#include <string.h>

static int call(fitcore_calls *c, const lm_state *s, const double *x, double *f, double *fjac)
{
    int ended = fitcore_calls_look(c);
    if (ended != FITCORE_DRIVE_DONE)
        return ended;
    c->code = c->residual(s->m, s->n, x, f, fjac, c->data);
    return c->code != 0 ? FITCORE_DRIVE_CODE : FITCORE_DRIVE_DONE;
}

static void fold(lm_state *s, fitcore_lm_arrays *a, const double *h)
{
    double *work = (double *) (((uintptr_t) a->wa + 63) & ~(uintptr_t) 63);
    s->reduced = fitcore_reduce_tall(s->m, s->n, a->fjac, a->fvec, h != NULL,
                                     h != NULL ? h : a->fvec, 0, a->fvec, a->qtf, a->fold, work);
}

static double size_of(const fitcore_calls *c, int64_t j, double x)
{
    return c->size != NULL ? c->size(j, x, c->data) : fabs(x);
}

/* Column j by differences; with `raw` forward residuals are left as they are. */
static int column_of(lm_state *s, fitcore_lm_arrays *a, fitcore_calls *c, int64_t j, int raw)
{
    double *column = a->fjac + j * s->m, at = a->x[j], plus, minus = at;
    double size = size_of(c, j, at);
    int made = 0, ended, central = s->jac == FITCORE_JAC_CENTRAL;
    if (a->lower == NULL)
        fitcore_difference_points(s->jac, s->epsfcn, at, size, &plus, &minus, &a->h[j]);
    else
        fitcore_bounded_points(s->jac, s->epsfcn, at, size, a->lower[j], a->upper[j], &plus,
                               &minus, &a->h[j], &made);
    if (made == 2) {            /* a fixed variable */
        if (raw)
            memcpy(column, a->fvec, (size_t) s->m * sizeof(double));
        else
            memset(column, 0, (size_t) s->m * sizeof(double));
        return FITCORE_DRIVE_DONE;
    }
    a->cost += 1 + central;
    a->xt[j] = plus;
    ended = call(c, s, a->xt, raw || central ? column : a->ft, NULL);
    if (ended == FITCORE_DRIVE_DONE && central) {
        a->xt[j] = minus;
        ended = call(c, s, a->xt, a->ft, NULL);
    }
    a->xt[j] = at;
    if (ended != FITCORE_DRIVE_DONE || raw)
        return ended;
    if (a->lower == NULL) {
        if (central)
            fitcore_finish_column(s->m, a->ft, a->h[j], column);
        else
            fitcore_difference_column(s->m, a->ft, a->fvec, a->h[j], column);
    } else {
        fitcore_bounded_column(s->m, made, central ? column : a->ft, central ? a->ft : a->fvec,
                               a->fvec, a->h[j], column);
    }
    return FITCORE_DRIVE_DONE;
}

static int linearize(lm_state *s, fitcore_lm_arrays *a, fitcore_calls *c)
{
    int tall = fitcore_tall_block_rows(s->m, s->n) > 0, ended;
    int raw = tall && s->jac == FITCORE_JAC_FORWARD;
    s->factored = 0;
    a->cost = 0;
    if (s->jac == FITCORE_JAC_ANALYTIC) {
        ended = call(c, s, a->x, NULL, a->fjac);
    } else {
        memcpy(a->xt, a->x, (size_t) s->n * sizeof(double));
        ended = FITCORE_DRIVE_DONE;
        for (int64_t j = 0; j < s->n && ended == FITCORE_DRIVE_DONE; j++)
            ended = column_of(s, a, c, j, raw);
    }
    if (ended == FITCORE_DRIVE_DONE && tall)
        fold(s, a, raw ? a->h : NULL);
    return ended;
}

int fitcore_drive_lm(lm_state *s, fitcore_lm_arrays *a, fitcore_calls *c)
{
    double *spare;
    int ended;
    c->code = 0;
    while (s->task != FITCORE_TASK_DONE) {
        ended = FITCORE_DRIVE_DONE;
        if (s->task == FITCORE_TASK_RESIDUAL)
            ended = call(c, s, a->xt, a->ft, NULL);
        else if (s->task == FITCORE_TASK_JACOBIAN)
            ended = linearize(s, a, c);
        if (ended != FITCORE_DRIVE_DONE)
            return ended;
        if (a->lower == NULL)
            fitcore_lm_step(s, a->x, a->fvec, a->fjac, a->diag, a->qtf, a->ipvt, a->xt, a->ft,
                            a->wa);
        else
            fitcore_bounded_step(s, a->x, a->fvec, a->fjac, a->diag, a->qtf, a->ipvt, a->xt,
                                 a->ft, a->lower, a->upper, a->place, a->count ? a->cost : 0,
                                 a->work);
        if (s->moved) {
            spare = a->fvec;
            a->fvec = a->ft;
            a->ft = spare;
        }
    }
    return FITCORE_DRIVE_DONE;
}
