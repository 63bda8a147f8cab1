!> State and outcomes of the hybrid solver; its tasks are those of Levenberg-Marquardt.
module fitcore_hybrid_types
  use fitcore_kinds, only: wp, ip, ic
  implicit none (type, external)
  private

  ! MINPACK's info; 9 and negative values are ours.
  integer(ic), parameter, public :: info_improper = 0
  integer(ic), parameter, public :: info_converged = 1
  integer(ic), parameter, public :: info_maxfev = 2
  integer(ic), parameter, public :: info_xtol_small = 3
  integer(ic), parameter, public :: info_slow_jacobians = 4    !< five Jacobians, little improvement
  integer(ic), parameter, public :: info_slow_iterations = 5   !< ten steps, little improvement
  integer(ic), parameter, public :: info_nonfinite = 9         !< NaN or infinity at x, in its Jacobian,
                                                               !< or all around x

  !> Everything a run remembers between two calls, besides the caller's arrays.
  !> No pointers: a copy of its bytes and of the arrays is a copy of the solver.
  type, bind(c), public :: hybrid_state
    integer(ip) :: n               !< equations and variables
    integer(ip) :: maxfev          !< limit on nfev, looked at after each trial step
    integer(ip) :: ml, mu          !< diagonals of the Jacobian below and above the main one
    integer(ip) :: nfev            !< evaluations so far
    integer(ip) :: njev            !< Jacobians so far
    integer(ip) :: nit             !< accepted steps so far
    integer(ip) :: successes       !< trial steps in a row that were as good as predicted; ncsuc
    integer(ip) :: failures        !< and that were not; ncfail
    integer(ip) :: slow_iterations !< trial steps in a row with little reduction; nslow1
    integer(ip) :: slow_jacobians  !< Jacobians in a row with little reduction; nslow2
    real(wp) :: xtol               !< wanted relative error of x
    real(wp) :: epsfcn             !< relative error of the functions, for difference steps
    real(wp) :: factor             !< first step bound, in units of |D x|
    real(wp) :: fnorm              !< |f(x)|
    real(wp) :: xnorm              !< |D x|
    real(wp) :: delta              !< bound on |D p|
    real(wp) :: pnorm              !< |D p|
    real(wp) :: actred             !< actual relative reduction
    real(wp) :: prered             !< predicted relative reduction
    real(wp) :: ratio              !< actred / prered
    integer(ic) :: task            !< one of task_*
    integer(ic) :: stage           !< what the solver was waiting for
    integer(ic) :: info            !< one of info_*, meaningful once task is task_done
    integer(ic) :: mode            !< 1: scale by column norms; 2: by the caller's diag
    integer(ic) :: jac             !< jac_analytic or jac_forward
    integer(ic) :: jeval           !< 1 while the Jacobian has not been updated
    integer(ic) :: moved           !< 1 after a call that took ft for the functions at x: fvec must
                                   !< be given its contents (exchange the two, or copy)
    integer(ic) :: factored        !< 1 when q, r, qtf hold the factors of a whole Jacobian
  end type hybrid_state

end module fitcore_hybrid_types
