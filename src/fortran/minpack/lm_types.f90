!> State, task codes and outcomes of the Levenberg-Marquardt solver.
module fitcore_lm_types
  use fitcore_kinds, only: wp, ip, ic
  implicit none (type, external)
  private

  ! What the solver wants done before it is called again.
  integer(ic), parameter, public :: task_start = 0       !< nothing yet: call fitcore_lm_step
  integer(ic), parameter, public :: task_residual = 1    !< put the residuals at xt into ft
  integer(ic), parameter, public :: task_jacobian = 2    !< put the Jacobian at x into fjac
  integer(ic), parameter, public :: task_iteration = 3   !< news only: a step was accepted
  integer(ic), parameter, public :: task_done = 4        !< finished; info says how

  ! Where the Jacobian comes from; it decides how evaluations are counted.
  integer(ic), parameter, public :: jac_analytic = 0     !< njev + 1
  integer(ic), parameter, public :: jac_forward = 1      !< nfev + n
  integer(ic), parameter, public :: jac_central = 2      !< nfev + 2 n
  integer(ic), parameter, public :: jac_complex = 3      !< nfev + n

  ! MINPACK's info; 9 and negative values are ours.
  integer(ic), parameter, public :: info_improper = 0
  integer(ic), parameter, public :: info_ftol = 1
  integer(ic), parameter, public :: info_xtol = 2
  integer(ic), parameter, public :: info_both = 3
  integer(ic), parameter, public :: info_gtol = 4
  integer(ic), parameter, public :: info_maxfev = 5
  integer(ic), parameter, public :: info_ftol_small = 6
  integer(ic), parameter, public :: info_xtol_small = 7
  integer(ic), parameter, public :: info_gtol_small = 8
  integer(ic), parameter, public :: info_nonfinite = 9   !< NaN or infinity at x, in its Jacobian, or all
                                                         !< around x

  !> Everything a fit remembers between two calls, besides the caller's arrays.
  !> No pointers: a copy of its bytes and of the arrays is a copy of the solver.
  type, bind(c), public :: lm_state
    integer(ip) :: m               !< residuals
    integer(ip) :: n               !< variables
    integer(ip) :: maxfev          !< limit on nfev, looked at after each trial step
    integer(ip) :: nfev            !< residual evaluations so far
    integer(ip) :: njev            !< Jacobians so far
    integer(ip) :: nit             !< accepted steps so far
    real(wp) :: ftol               !< wanted relative error of the sum of squares
    real(wp) :: xtol               !< wanted relative error of x
    real(wp) :: gtol               !< wanted cosine between residual and Jacobian columns
    real(wp) :: epsfcn             !< relative error of the residual function, for difference steps
    real(wp) :: factor             !< first step bound, in units of |D x|
    real(wp) :: fnorm              !< |f(x)|
    real(wp) :: gnorm              !< greatest cosine between f and a column of the Jacobian
    real(wp) :: xnorm              !< |D x|
    real(wp) :: delta              !< bound on |D p|
    real(wp) :: par                !< Levenberg-Marquardt parameter
    real(wp) :: pnorm              !< |D p|
    real(wp) :: actred             !< actual relative reduction
    real(wp) :: prered             !< predicted relative reduction
    real(wp) :: ratio              !< actred / prered
    real(wp) :: nearby             !< end when the next step promises to be this short, in standard
                                   !< errors; 0: go on to ftol or xtol, as MINPACK does
    real(wp) :: before             !< prered of the step before, 0 if that was not a full one
    integer(ic) :: task            !< one of task_*
    integer(ic) :: stage           !< what the solver was waiting for
    integer(ic) :: info            !< one of info_*, meaningful once task is task_done
    integer(ic) :: mode            !< 1: scale by column norms; 2: by the caller's diag
    integer(ic) :: jac             !< one of jac_*
    integer(ic) :: reduced         !< set to 1 by a caller who answers task_jacobian with what
                                   !< reduce_tall makes of it, in fjac and qtf
    integer(ic) :: moved           !< 1 after a call that took ft for the residuals at x: fvec must
                                   !< be given its contents (exchange the two, or copy)
    integer(ic) :: factored        !< 1 when fjac holds the triangle of a whole Jacobian
  end type lm_state

end module fitcore_lm_types
