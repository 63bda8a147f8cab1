!> The compact limited-memory matrix B = theta I - W M W^T, W = [Y theta S].
!>
!> Byrd, Nocedal, Schnabel (1994), Math. Programming 63; Byrd, Lu, Nocedal, Zhu (1995), section 3.
!> Of S and Y only inner products are met here; where they stand is told in layout.f90.
module fitcore_lb_compact
  use fitcore_kinds, only: wp, ip
  use fitcore_triangular, only: solve_upper, solve_upper_transposed
  implicit none (type, external)
  private
  public :: make_room, factor_middle, middle_product, cholesky

contains

  !> Count in a new correction; where the memory is full the oldest one leaves it.
  pure subroutine make_room(m, sy, ss, col, head, updates)
    integer(ip), intent(in) :: m, updates
    real(wp), intent(inout) :: sy(m, m), ss(m, m)
    integer(ip), intent(inout) :: col, head
    integer(ip) :: j

    if (updates <= m) then
      col = updates
    else
      head = modulo(head, m + 1) + 1
      do j = 1, m - 1
        ss(1:j, j) = ss(2:j + 1, j + 1)
        sy(j:m - 1, j) = sy(j + 1:m, j + 1)
      end do
    end if
  end subroutine make_room

  !> Upper triangular Cholesky factor of the leading k by k part of a; `bad` is the first column
  !> without one, 0 if there is none.
  pure subroutine cholesky(k, a, lda, bad)
    integer(ip), intent(in) :: k, lda
    real(wp), intent(inout) :: a(lda, *)
    integer(ip), intent(out) :: bad
    integer(ip) :: i, j, q
    real(wp) :: s, t

    do j = 1, k
      s = 0
      do i = 1, j - 1
        t = a(i, j)
        do q = 1, i - 1
          t = t - a(q, i) * a(q, j)
        end do
        t = t / a(i, i)
        a(i, j) = t
        s = s + t * t
      end do
      s = a(j, j) - s
      bad = j
      if (.not. s > 0) return
      a(j, j) = sqrt(s)
    end do
    bad = 0
  end subroutine cholesky

  !> J with J J^T = T = theta S^T S + L D^{-1} L^T, as its transpose in the upper triangle of wt.
  pure subroutine factor_middle(m, col, sy, ss, theta, wt, bad)
    integer(ip), intent(in) :: m, col
    real(wp), intent(in) :: sy(m, m), ss(m, m), theta
    real(wp), intent(inout) :: wt(m, m)
    integer(ip), intent(out) :: bad
    integer(ip) :: i, j, k
    real(wp) :: t

    do j = 1, col
      wt(1, j) = theta * ss(1, j)
    end do
    do i = 2, col
      do j = i, col
        t = 0
        do k = 1, i - 1
          t = t + sy(i, k) * sy(j, k) / sy(k, k)
        end do
        wt(i, j) = t + theta * ss(i, j)
      end do
    end do
    call cholesky(col, wt, m, bad)
  end subroutine factor_middle

  !> p = M v, with the 2 col by 2 col matrix of the compact form (Byrd et al. 1995, equation 3.4)
  !> in the factored form of their section 6.
  pure subroutine middle_product(m, col, sy, wt, v, p)
    integer(ip), intent(in) :: m, col
    real(wp), intent(in) :: sy(m, m), wt(m, m), v(2 * col)
    real(wp), intent(out) :: p(2 * col)
    integer(ip) :: i, k
    real(wp) :: t

    if (col == 0) return
    ! [  D^{1/2}      O ] [p1]   [v1]
    ! [ -L D^{-1/2}   J ] [p2] = [v2]
    p(col + 1) = v(col + 1)
    do i = 2, col
      t = 0
      do k = 1, i - 1
        t = t + sy(i, k) * v(k) / sy(k, k)
      end do
      p(col + i) = v(col + i) + t
    end do
    call solve_upper_transposed(col, wt, m, p(col + 1:2 * col))
    do i = 1, col
      p(i) = v(i) / sqrt(sy(i, i))
    end do
    ! [ -D^{1/2}  D^{-1/2} L^T ] [p1]   [p1]
    ! [  O        J^T          ] [p2] = [p2]
    call solve_upper(col, wt, m, p(col + 1:2 * col))
    do i = 1, col
      p(i) = -p(i) / sqrt(sy(i, i))
    end do
    do i = 1, col
      t = 0
      do k = i + 1, col
        t = t + sy(k, i) * p(col + k) / sy(i, i)
      end do
      p(i) = p(i) + t
    end do
  end subroutine middle_product

end module fitcore_lb_compact
