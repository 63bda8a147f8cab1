!> Covariance and Gauss-Newton step from the factors of a Jacobian.
module fitcore_lm_covariance
  use fitcore_kinds, only: wp, ip, ic
  use fitcore_vectors, only: norm
  use fitcore_lm_factor, only: factor_jacobian, factor_work_size
  use fitcore_triangular, only: solve_upper
  implicit none (type, external)
  private
  public :: covariance, covar, gauss_newton, gauss_newton_work_size

contains

  !> (J^T J)^{-1} = P R^{-1} R^{-T} P^T, the role of MINPACK's covar.
  !>
  !> Columns from the first on whose diagonal is at or below tol times the column's own norm
  !> count as dependent: rank is then less than n, and their rows and columns of cov are zero.
  !> The test is that of an angle, so the units of the variables do not matter (MINPACK compares
  !> with |R(1,1)|).
  pure subroutine covariance(n, r, ldr, ipvt, tol, cov, rank, work) &
      bind(c, name='fitcore_covariance')
    integer(ip), intent(in), value :: n
    integer(ip), intent(in), value :: ldr          !< leading dimension of r
    real(wp), intent(in) :: r(ldr, n)              !< R in the upper triangle
    integer(ip), intent(in) :: ipvt(n)             !< permutation, from 1
    real(wp), intent(in), value :: tol             !< relative; 0 tells only an exact zero
    real(wp), intent(out) :: cov(n, n)
    integer(ip), intent(out) :: rank
    real(wp), intent(out) :: work(n)               !< scratch

    rank = independent(n, r, ldr, tol)
    call invert_normal(n, rank, r, ldr, ipvt, cov, work)
  end subroutine covariance

  !> The same with MINPACK's own test: columns from the first on whose diagonal is at or below
  !> tol |R(1,1)| count as dependent.
  pure subroutine covar(n, r, ldr, ipvt, tol, cov, rank, work) bind(c, name='fitcore_covar')
    integer(ip), intent(in), value :: n, ldr
    real(wp), intent(in) :: r(ldr, n)
    integer(ip), intent(in) :: ipvt(n)
    real(wp), intent(in), value :: tol
    real(wp), intent(out) :: cov(n, n)
    integer(ip), intent(out) :: rank
    real(wp), intent(out) :: work(n)
    integer(ip) :: j

    rank = n
    do j = n, 1, -1
      if (.not. abs(r(j, j)) > tol * abs(r(1, 1))) rank = j - 1
    end do
    call invert_normal(n, rank, r, ldr, ipvt, cov, work)
  end subroutine covar

  !> P R^{-1} R^{-T} P^T for the leading `rank` columns of R, zero for the others.
  pure subroutine invert_normal(n, rank, r, ldr, ipvt, cov, work)
    integer(ip), intent(in) :: n, rank, ldr
    real(wp), intent(in) :: r(ldr, n)
    integer(ip), intent(in) :: ipvt(n)
    real(wp), intent(out) :: cov(n, n), work(n)
    integer(ip) :: i, j, k
    real(wp) :: s

    ! R^{-1} in the upper triangle, column by column
    cov = 0
    do j = 1, rank
      cov(j, j) = 1
      call solve_upper(j, r, ldr, cov(1:j, j))
    end do

    ! its product with its transpose; row i of the product needs columns k >= i only, so the
    ! upper triangle can be overwritten from the top left on
    do i = 1, rank
      do j = i, rank
        s = 0
        do k = j, rank
          s = s + cov(i, k) * cov(j, k)
        end do
        cov(i, j) = s
      end do
    end do
    call permute_symmetric(n, ipvt, cov, work)
  end subroutine invert_normal

  !> Number of leading columns of R whose sine of the angle to those before them is above tol.
  pure integer(ip) function independent(n, r, ldr, tol) result(rank)
    integer(ip), intent(in) :: n, ldr
    real(wp), intent(in) :: r(ldr, n), tol
    integer(ip) :: j

    rank = n
    do j = n, 1, -1
      if (.not. abs(r(j, j)) > tol * norm(j, r(1:j, j))) rank = j - 1
    end do
  end function independent

  !> Rows and columns back into the order of the variables; the upper triangle is read.
  pure subroutine permute_symmetric(n, ipvt, a, diagonal)
    integer(ip), intent(in) :: n, ipvt(n)
    real(wp), intent(inout) :: a(n, n)
    real(wp), intent(out) :: diagonal(n)           !< scratch
    integer(ip) :: i, j, p, q

    ! element (p, q) with p > q goes into the lower triangle, which nothing reads before
    do j = 1, n
      diagonal(ipvt(j)) = a(j, j)
      do i = 1, j - 1
        p = max(ipvt(i), ipvt(j))
        q = min(ipvt(i), ipvt(j))
        a(p, q) = a(i, j)
      end do
    end do
    do j = 1, n
      a(j, j) = diagonal(j)
      do i = 1, j - 1
        a(i, j) = a(j, i)
      end do
    end do
  end subroutine permute_symmetric

  !> Doubles of scratch for gauss_newton.
  pure integer(ip) function gauss_newton_work_size(m, n) &
      bind(c, name='fitcore_gauss_newton_work_size')
    integer(ip), intent(in), value :: m, n
    gauss_newton_work_size = n + factor_work_size(m, n)
  end function gauss_newton_work_size

  !> Factor a Jacobian and give the p that minimizes |J p + f|, zero along the columns that
  !> depend on others; `rank` is the number of those that do not.
  pure subroutine gauss_newton(m, n, fjac, f, reduced, tol, ipvt, qtf, p, rank, scratch, &
      work) bind(c, name='fitcore_gauss_newton')
    integer(ip), intent(in), value :: m, n
    real(wp), intent(inout) :: fjac(m, n)          !< J; then R
    real(wp), intent(in) :: f(m)
    integer(ic), intent(in), value :: reduced      !< as in lm_state
    real(wp), intent(in), value :: tol             !< as in covariance
    integer(ip), intent(inout) :: ipvt(n)
    real(wp), intent(inout) :: qtf(n)
    real(wp), intent(out) :: p(n)
    integer(ip), intent(out) :: rank
    real(wp), intent(inout) :: scratch(m)
    real(wp), intent(inout) :: work(gauss_newton_work_size(m, n))
    integer(ip) :: j

    call factor_jacobian(m, n, fjac, f, reduced /= 0, ipvt, qtf, work(1:n), scratch, work(n + 1:))
    rank = independent(n, fjac, m, tol)
    work(1:rank) = -qtf(1:rank)
    call solve_upper(rank, fjac, m, work(1:rank))
    p = 0
    do j = 1, rank
      p(ipvt(j)) = work(j)
    end do
  end subroutine gauss_newton

end module fitcore_lm_covariance
