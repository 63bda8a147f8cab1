!> The factors of a Jacobian that a Levenberg-Marquardt step needs.
module fitcore_lm_factor
  use fitcore_kinds, only: wp, ip
  use fitcore_qr, only: qr_pivot
  use fitcore_tall_qr, only: tall_block_rows
  implicit none (type, external)
  private
  public :: factor_jacobian, factor_work_size

contains

  !> Doubles of scratch for factor_jacobian.
  pure integer(ip) function factor_work_size(m, n) result(size)
    integer(ip), intent(in) :: m, n
    size = 2 * n
    if (tall_block_rows(m, n) > 0) size = size + n * n
  end function factor_work_size

  !> J P = Q R and the first n elements of Q^T f.
  !>
  !> On return the upper triangle of fjac with its diagonal holds R; what stands below it is
  !> scratch.
  pure subroutine factor_jacobian(m, n, fjac, f, reduced, ipvt, qtf, acnorm, scratch, work)
    integer(ip), intent(in) :: m, n
    real(wp), intent(inout) :: fjac(m, n)            !< J; then R
    real(wp), intent(in) :: f(m)                     !< residuals
    logical, intent(in) :: reduced                   !< reduce_tall has been at work: fjac holds
                                                     !< its triangle and qtf its Q^T f
    integer(ip), intent(out) :: ipvt(n)              !< column j of J P is column ipvt(j) of J
    real(wp), intent(inout) :: qtf(n)                !< first n elements of Q^T f
    real(wp), intent(out) :: acnorm(n)               !< norms of the columns of J
    real(wp), intent(inout) :: scratch(m)
    real(wp), intent(out) :: work(factor_work_size(m, n))
    integer(ip) :: j

    if (reduced) then
      call take_triangle(n, fjac, m, work(2 * n + 1))
      call qr_pivot(n, n, work(2 * n + 1), n, ipvt, work(1:n), acnorm, qtf, work(n + 1:2 * n))
      call copy_triangle(n, work(2 * n + 1), work(1:n), fjac, m)
      return
    end if

    scratch = f
    call qr_pivot(m, n, fjac, m, ipvt, work(1:n), acnorm, scratch, work(n + 1:2 * n))
    do j = 1, n
      fjac(j, j) = work(j)
      qtf(j) = scratch(j)
    end do
  end subroutine factor_jacobian

  !> The upper triangle of a into r(n, n), zeros below.
  pure subroutine take_triangle(n, a, lda, r)
    integer(ip), intent(in) :: n, lda
    real(wp), intent(in) :: a(lda, n)
    real(wp), intent(out) :: r(n, n)
    integer(ip) :: j

    do j = 1, n
      r(1:j, j) = a(1:j, j)
      r(j + 1:n, j) = 0
    end do
  end subroutine take_triangle

  !> The triangle with its diagonal apart, into the upper triangle of a.
  pure subroutine copy_triangle(n, r, rdiag, a, lda)
    integer(ip), intent(in) :: n, lda
    real(wp), intent(in) :: r(n, n), rdiag(n)
    real(wp), intent(inout) :: a(lda, n)
    integer(ip) :: j

    do j = 1, n
      a(1:j - 1, j) = r(1:j - 1, j)
      a(j, j) = rdiag(j)
    end do
  end subroutine copy_triangle

end module fitcore_lm_factor
