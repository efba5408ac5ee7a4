package io.diskengine.store;

import io.diskengine.model.Node;
import java.util.List;

/**
 * What is on a node.
 *
 * @param replicas lvols of a storage node that are not gone
 * @param attachments volumes that a baremetal node has
 * @param staying why what a {@code DRAINING} node still has does not leave it by itself, one line
 *     each, the first {@link #MAX_STAYING}
 */
public record NodeUse(Node node, long replicas, long attachments, List<String> staying) {
  public static final int MAX_STAYING = 20;

  public NodeUse {
    staying = List.copyOf(staying);
  }
}
