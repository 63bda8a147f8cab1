!> The triangular systems of the Levenberg-Marquardt step (the role of MINPACK's qrsolv).
module fitcore_lm_solve
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: damped_solve, numerical_rank, rotation

contains

  !> The x that minimizes |A x - b|^2 + |D x|^2, from the pivoted QR factors of A.
  !>
  !> The rows of D P are rotated into R one after the other by Givens rotations, which gives the
  !> triangle S with P^T (A^T A + D^2) P = S^T S; Moré (1978), section 6, equation 3.8.
  !> S stands transposed in the strict lower triangle of r, its diagonal in sdiag; the upper
  !> triangle of r is unchanged. Where S is singular x is a least squares solution.
  pure subroutine damped_solve(n, r, ldr, ipvt, d, qtb, x, sdiag, work)
    integer(ip), intent(in) :: n
    integer(ip), intent(in) :: ldr                 !< leading dimension of r
    real(wp), intent(inout) :: r(ldr, n)           !< upper triangle R; S^T below its diagonal
    integer(ip), intent(in) :: ipvt(n)             !< the permutation P
    real(wp), intent(in) :: d(n)                   !< diagonal of D, in A's order
    real(wp), intent(in) :: qtb(n)                 !< first n elements of Q^T b
    real(wp), intent(out) :: x(n)                  !< the solution, in A's order
    real(wp), intent(out) :: sdiag(n)              !< diagonal of S
    real(wp), intent(out) :: work(n)               !< scratch
    integer(ip) :: i, j, k, rank
    real(wp) :: c, s, t, tail, head

    do j = 1, n
      do i = j, n
        r(i, j) = r(j, i)
      end do
      x(j) = r(j, j)        ! the diagonal of R is put back at the end
      work(j) = qtb(j)
    end do

    do j = 1, n
      if (abs(d(ipvt(j))) > 0) then
        ! row j of D P has one element; rotations in planes (k, row) make it vanish
        sdiag(j) = d(ipvt(j))
        sdiag(j + 1:n) = 0
        tail = 0
        do k = j, n
          if (abs(sdiag(k)) > 0) then
            call rotation(r(k, k), sdiag(k), c, s)
            r(k, k) = c * r(k, k) + s * sdiag(k)
            head = c * work(k) + s * tail
            tail = -s * work(k) + c * tail
            work(k) = head
            do i = k + 1, n
              t = c * r(i, k) + s * sdiag(i)
              sdiag(i) = -s * r(i, k) + c * sdiag(i)
              r(i, k) = t
            end do
          end if
        end do
      end if
      sdiag(j) = r(j, j)
      r(j, j) = x(j)
    end do

    rank = n
    do j = n, 1, -1
      if (.not. abs(sdiag(j)) > 0) rank = j - 1
    end do
    work(rank + 1:n) = 0
    do j = rank, 1, -1
      t = 0
      do i = j + 1, rank
        t = t + r(i, j) * work(i)
      end do
      work(j) = (work(j) - t) / sdiag(j)
    end do
    do j = 1, n
      x(ipvt(j)) = work(j)
    end do
  end subroutine damped_solve

  !> Cosine and sine of the rotation that takes (a, b) to (length, 0), without overflow.
  pure subroutine rotation(a, b, c, s)
    real(wp), intent(in) :: a, b
    real(wp), intent(out) :: c, s
    real(wp) :: ratio

    if (abs(a) < abs(b)) then
      ratio = a / b
      s = 0.5_wp / sqrt(0.25_wp + 0.25_wp * ratio**2)
      c = s * ratio
    else
      ratio = b / a
      c = 0.5_wp / sqrt(0.25_wp + 0.25_wp * ratio**2)
      s = c * ratio
    end if
  end subroutine rotation

  !> Number of leading columns of R before the first zero on its diagonal.
  pure integer(ip) function numerical_rank(n, r, ldr) result(rank)
    integer(ip), intent(in) :: n, ldr
    real(wp), intent(in) :: r(ldr, n)
    integer(ip) :: j

    rank = n
    do j = n, 1, -1
      if (.not. abs(r(j, j)) > 0) rank = j - 1
    end do
  end function numerical_rank

end module fitcore_lm_solve
