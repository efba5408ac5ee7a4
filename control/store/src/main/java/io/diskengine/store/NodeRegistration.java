package io.diskengine.store;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.NodeMode;
import java.util.List;

/** What an agent says about its node when it starts; addresses are empty for baremetal nodes. */
public record NodeRegistration(
    String name, NodeMode mode, String failureDomain, List<FabricAddress> addresses) {
  public NodeRegistration {
    addresses = List.copyOf(addresses);
  }
}
