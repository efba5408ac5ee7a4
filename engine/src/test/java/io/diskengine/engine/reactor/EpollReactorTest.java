package io.diskengine.engine.reactor;

class EpollReactorTest extends ReactorContract {
  @Override
  Kernels.Choice choice() {
    return Kernels.Choice.EPOLL;
  }
}
