package io.diskengine.model;

import org.jspecify.annotations.Nullable;

/**
 * The vhost controller that shows a mapped volume to a guest.
 *
 * @param controllerName {@link Names#vhost}
 * @param socketPath as SPDK reports it, once confirmed
 * @param guestConnected a guest held the socket when the agent last looked
 * @param guestAsked raised when somebody wants the agent to look for the guest now
 */
public record VmMapping(
    long id,
    long mappingId,
    long nodeId,
    String controllerName,
    @Nullable String socketPath,
    VmMappingState state,
    boolean guestConnected,
    long guestAsked,
    long version) {
  /** Nobody asked for a look. */
  public VmMapping(
      long id,
      long mappingId,
      long nodeId,
      String controllerName,
      @Nullable String socketPath,
      VmMappingState state,
      boolean guestConnected,
      long version) {
    this(id, mappingId, nodeId, controllerName, socketPath, state, guestConnected, 0, version);
  }
}
