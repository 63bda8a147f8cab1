!> The kernels of L-BFGS-B for x86-64-v4 (AVX-512).
module fitcore_lb_kernels_v4
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: products, combine, look, land

  character(*), parameter :: variant = 'v4'

contains

  include 'kernels.inc'

end module fitcore_lb_kernels_v4
