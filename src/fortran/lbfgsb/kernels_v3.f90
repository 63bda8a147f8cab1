!> The kernels of L-BFGS-B for x86-64-v3 (AVX2, FMA).
module fitcore_lb_kernels_v3
  use fitcore_kinds, only: wp, ip
  implicit none (type, external)
  private
  public :: products, combine, look, land

  character(*), parameter :: variant = 'v3'

contains

  include 'kernels.inc'

end module fitcore_lb_kernels_v3
