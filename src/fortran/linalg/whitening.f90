!> Correlated errors made independent.
module fitcore_whitening
  use fitcore_kinds, only: wp, ip
  use fitcore_vectors, only: dot
  implicit none (type, external)
  private
  public :: whiten

contains

  !> x <- L^{-1} x for the Cholesky factor L of the errors' covariance L L^T, by forward
  !> substitution: the elements of x then have independent errors of size 1.
  pure subroutine whiten(m, l, x) bind(c, name='fitcore_whiten')
    integer(ip), intent(in), value :: m
    real(wp), intent(in) :: l(m, m)                !< transposed: column i is row i of L
    real(wp), intent(inout) :: x(m)
    integer(ip) :: i

    do i = 1, m
      x(i) = (x(i) - dot(i - 1, l(1:i - 1, i), x(1:i - 1))) / l(i, i)
    end do
  end subroutine whiten

end module fitcore_whitening
