package io.diskengine.engine.nvmf;

import io.diskengine.nvme.AnaGroupDescriptor;

/** One subsystem's use of a {@link Listener}, with the ANA state that hosts see there. */
public final class SubsystemListener {
  private final Listener listener;

  /** Written at home, read by the reactors of the connections. */
  private volatile int anaState;

  SubsystemListener(Listener listener, int anaState) {
    this.listener = listener;
    this.anaState = anaState;
  }

  Listener listener() {
    return listener;
  }

  public NvmfAddress address() {
    return listener.address();
  }

  /** {@link AnaGroupDescriptor}'s states, of all groups. */
  public int anaState() {
    return anaState;
  }

  void anaState(int state) {
    anaState = state;
  }
}
