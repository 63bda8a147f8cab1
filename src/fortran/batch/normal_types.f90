!> State and task codes of the solver for batches of small least squares problems.
module fitcore_normal_types
  use fitcore_kinds, only: wp, ip, ic
  implicit none (type, external)
  private

  integer(ic), parameter, public :: task_start = 0      !< the sums are those at the start
  integer(ic), parameter, public :: task_sums = 1       !< form the sums at xt
  integer(ic), parameter, public :: task_done = 2       !< x is the solution; info says how
  integer(ic), parameter, public :: task_unsafe = 3     !< leave it to the solver by QR, from the start

  !> What a fit remembers between two calls, besides the caller's arrays.
  type, bind(c), public :: normal_state
    integer(ip) :: n               !< variables
    integer(ip) :: maxfev          !< evaluations after which it is unsafe
    integer(ip) :: nfev            !< evaluations so far
    integer(ip) :: rejected        !< steps that did not lower chi-square, since the last that did
    real(wp) :: ftol               !< wanted relative error of the sum of squares
    real(wp) :: xtol               !< wanted relative error of x
    real(wp) :: factor             !< first step bound, in units of |D x|
    real(wp) :: chisq              !< r^T r at x
    real(wp) :: delta              !< bound on |D p|
    real(wp) :: par                !< Levenberg-Marquardt parameter
    real(wp) :: xnorm              !< |D x|
    real(wp) :: pnorm              !< |D p|
    real(wp) :: prered             !< predicted relative reduction of r^T r
    real(wp) :: slope              !< its derivative along p, for the full step; not positive
    integer(ic) :: task            !< one of task_*
    integer(ic) :: full            !< whether the last step was the Gauss-Newton step
    integer(ic) :: factored        !< whether l is the factor of J^T J where it ended
    integer(ic) :: info            !< MINPACK's: 1 by ftol, 2 by xtol, 4 for r = 0
  end type normal_state

end module fitcore_normal_types
