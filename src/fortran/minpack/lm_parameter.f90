!> The Levenberg-Marquardt parameter (the role of MINPACK's lmpar).
!>
!> Moré (1978), The Levenberg-Marquardt algorithm: implementation and theory, Lecture Notes in
!> Mathematics 630, sections 5 and 6 (algorithm 5.5).
module fitcore_lm_parameter
  use fitcore_kinds, only: wp, ip, dwarf
  use fitcore_vectors, only: norm
  use fitcore_lm_solve, only: damped_solve, numerical_rank
  use fitcore_triangular, only: solve_upper, solve_upper_transposed
  implicit none (type, external)
  private
  public :: lm_parameter

  real(wp), parameter :: band = 0.1_wp             !< |D x| may miss delta by this fraction
  integer, parameter :: max_iterations = 10

contains

  !> par and the x that minimizes |A x - b|^2 + par |D x|^2, such that either par = 0 and
  !> |D x| <= 1.1 delta, or par > 0 and |D x| is within a tenth of delta.
  !>
  !> The zero of phi(par) = |D x(par)| - delta is found by Newton's method on 1/|D x|, kept
  !> between bounds on par that each step tightens.
  pure subroutine lm_parameter(n, r, ldr, ipvt, diag, qtb, delta, par, x, sdiag, wa1, wa2)
    integer(ip), intent(in) :: n
    integer(ip), intent(in) :: ldr                 !< leading dimension of r
    real(wp), intent(inout) :: r(ldr, n)           !< R; scratch below its diagonal
    integer(ip), intent(in) :: ipvt(n)             !< the permutation of the columns
    real(wp), intent(in) :: diag(n)                !< diagonal of D, in A's order
    real(wp), intent(in) :: qtb(n)                 !< first n elements of Q^T b
    real(wp), intent(in) :: delta                  !< bound on |D x|
    real(wp), intent(inout) :: par                 !< first guess; the parameter
    real(wp), intent(out) :: x(n)                  !< the solution, in A's order
    real(wp), intent(out) :: sdiag(n)              !< diagonal of the triangle S of damped_solve
    real(wp), intent(out) :: wa1(n), wa2(n)        !< scratch
    integer(ip) :: j, rank
    integer :: iteration
    real(wp) :: dxnorm, phi, phi_before, lower, upper, gnorm, correction

    ! the Gauss-Newton direction, a least squares solution where R is singular
    rank = numerical_rank(n, r, ldr)
    wa1(1:rank) = qtb(1:rank)
    wa1(rank + 1:n) = 0
    call solve_upper(rank, r, ldr, wa1(1:rank))
    do j = 1, n
      x(ipvt(j)) = wa1(j)
    end do
    wa2 = diag * x
    dxnorm = norm(n, wa2)
    phi = dxnorm - delta
    if (phi <= band * delta) then
      par = 0
      return
    end if

    ! lower bound: the Newton step from par = 0, if R has full rank
    lower = 0
    if (rank == n) then
      do j = 1, n
        wa1(j) = diag(ipvt(j)) * (wa2(ipvt(j)) / dxnorm)
      end do
      call solve_upper_transposed(n, r, ldr, wa1)
      lower = ((phi / delta) / norm(n, wa1)) / norm(n, wa1)
    end if

    ! upper bound: |D^{-1} A^T b| / delta
    do j = 1, n
      wa1(j) = column_dot(j, r(1:j, j), qtb(1:j)) / diag(ipvt(j))
    end do
    gnorm = norm(n, wa1)
    upper = gnorm / delta
    if (.not. abs(upper) > 0) upper = dwarf / min(delta, band)

    par = min(max(par, lower), upper)
    if (.not. abs(par) > 0) par = gnorm / dxnorm

    do iteration = 1, max_iterations
      if (.not. abs(par) > 0) par = max(dwarf, 0.001_wp * upper)
      wa1 = sqrt(par) * diag
      call damped_solve(n, r, ldr, ipvt, wa1, qtb, x, sdiag, wa2)
      wa2 = diag * x
      dxnorm = norm(n, wa2)
      phi_before = phi
      phi = dxnorm - delta

      if (abs(phi) <= band * delta) exit
      ! with a singular R the zero may lie at par = 0, out of Newton's reach
      if (.not. lower > 0 .and. phi <= phi_before .and. phi_before < 0) exit
      if (iteration == max_iterations) exit

      do j = 1, n
        wa1(j) = diag(ipvt(j)) * (wa2(ipvt(j)) / dxnorm)
      end do
      call solve_lower(n, r, ldr, sdiag, wa1)
      correction = ((phi / delta) / norm(n, wa1)) / norm(n, wa1)
      if (phi > 0) lower = max(lower, par)
      if (phi < 0) upper = min(upper, par)
      par = max(lower, par + correction)
    end do
  end subroutine lm_parameter

  !> x <- S^{-T} x, S^T below the diagonal of r and its diagonal in sdiag.
  pure subroutine solve_lower(n, r, ldr, sdiag, x)
    integer(ip), intent(in) :: n, ldr
    real(wp), intent(in) :: r(ldr, n), sdiag(n)
    real(wp), intent(inout) :: x(n)
    integer(ip) :: j

    do j = 1, n
      x(j) = x(j) / sdiag(j)
      x(j + 1:n) = x(j + 1:n) - r(j + 1:n, j) * x(j)
    end do
  end subroutine solve_lower

  !> Inner product in the order of the elements: n is small here and the order MINPACK's.
  pure real(wp) function column_dot(k, a, b) result(s)
    integer(ip), intent(in) :: k
    real(wp), intent(in) :: a(k), b(k)
    integer(ip) :: i

    s = 0
    do i = 1, k
      s = s + a(i) * b(i)
    end do
  end function column_dot

end module fitcore_lm_parameter
