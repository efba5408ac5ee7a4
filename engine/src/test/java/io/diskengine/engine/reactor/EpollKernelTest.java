package io.diskengine.engine.reactor;

class EpollKernelTest extends LinuxKernelContract {
  @Override
  Kernel create() {
    return Kernels.create(Kernels.Choice.EPOLL, 4);
  }
}
