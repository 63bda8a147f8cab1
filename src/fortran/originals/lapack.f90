! The two routines of LAPACK that Debian's L-BFGS-B calls, for builds from its sources, as far as it
! needs them: upper triangles. Their interface is that of E. Anderson and others, LAPACK Users'
! Guide, 3rd ed., SIAM (1999). The matrices have the order of the limited memory, 10 or so.

! Cholesky factor R of the symmetric matrix A = R^T R, in the upper triangle of a(lda, n).
! info: 0 done, k > 0 the leading minor of order k is not positive, -i argument i has an illegal value.
pure subroutine dpotrf(uplo, n, a, lda, info)
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none (type, external)
  character, intent(in) :: uplo
  integer, intent(in) :: n, lda
  real(real64), intent(inout) :: a(lda, *)
  integer, intent(out) :: info
  real(real64) :: pivot
  integer :: i, j
  info = merge(0, -1, uplo == 'U' .or. uplo == 'u')
  if (n < 0) info = -2
  if (info /= 0) return
  do j = 1, n
    do i = 1, j - 1
      a(i, j) = (a(i, j) - dot_product(a(1:i - 1, i), a(1:i - 1, j)))/a(i, i)
    end do
    pivot = a(j, j) - dot_product(a(1:j - 1, j), a(1:j - 1, j))
    if (.not. pivot > 0) then
      a(j, j) = pivot
      info = j
      return
    end if
    a(j, j) = sqrt(pivot)
  end do
end subroutine dpotrf

! X of R X = B, or with trans = 'T' of R^T X = B, in place of B(ldb, nrhs); R is the upper triangle of
! a(lda, n). info: 0 done, k > 0 element k of the diagonal is zero, -i argument i has an illegal value.
pure subroutine dtrtrs(uplo, trans, diag, n, nrhs, a, lda, b, ldb, info)
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none (type, external)
  character, intent(in) :: uplo, trans, diag
  integer, intent(in) :: n, nrhs, lda, ldb
  real(real64), intent(in) :: a(lda, *)
  real(real64), intent(inout) :: b(ldb, *)
  integer, intent(out) :: info
  integer :: i, k
  info = 0
  if (diag /= 'N' .and. diag /= 'n') info = -3
  if (uplo /= 'U' .and. uplo /= 'u') info = -1
  if (info /= 0) return
  do i = 1, n
    if (.not. abs(a(i, i)) > 0) then
      info = i
      return
    end if
  end do
  do k = 1, nrhs
    if (trans == 'N' .or. trans == 'n') then
      do i = n, 1, -1
        b(i, k) = b(i, k)/a(i, i)
        b(1:i - 1, k) = b(1:i - 1, k) - b(i, k)*a(1:i - 1, i)
      end do
    else
      do i = 1, n
        b(i, k) = (b(i, k) - dot_product(a(1:i - 1, i), b(1:i - 1, k)))/a(i, i)
      end do
    end if
  end do
end subroutine dtrtrs
