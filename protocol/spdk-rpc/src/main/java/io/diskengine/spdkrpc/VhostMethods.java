package io.diskengine.spdkrpc;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** vhost-user-blk. */
public final class VhostMethods {
  private VhostMethods() {}

  /**
   * {@code vhost_create_blk_controller}.
   *
   * @param ctrlr name, and file name of its socket
   * @param cpumask within the process's own, such as {@code 0x2}
   */
  public record CreateBlk(
      String ctrlr,
      String devName,
      @Nullable String cpumask,
      @Nullable Boolean readonly,
      @Nullable Boolean packedRing,
      @Nullable String transport) {

    public CreateBlk(String ctrlr, String devName) {
      this(ctrlr, devName, null, null, null, null);
    }
  }

  /**
   * @param socket path for the front-end
   * @param sessions connected front-ends
   */
  public record Controller(
      String ctrlr,
      @Nullable String cpumask,
      @Nullable Long delayBaseUs,
      @Nullable Long iopsThreshold,
      @Nullable String socket,
      @Nullable List<Session> sessions,
      @Nullable Backend backendSpecific) {

    /** Empty for a controller that is not blk. */
    public Optional<Block> block() {
      return backendSpecific == null
          ? Optional.empty()
          : Optional.ofNullable(backendSpecific.block);
    }
  }

  public record Backend(@Nullable Block block) {}

  public record Session(
      int vid,
      int id,
      @Nullable String name,
      @Nullable Boolean started,
      @Nullable Integer maxQueues,
      @Nullable Integer inflightTaskCnt) {}

  /**
   * @param bdev null after the bdev below was removed: the controller and its socket stay
   */
  public record Block(
      @Nullable Boolean readonly, @Nullable String bdev, @Nullable String transport) {}

  public static RpcRequest<Boolean> createBlk(CreateBlk params) {
    return RpcRequest.of("vhost_create_blk_controller", params, Boolean.class);
  }

  public static RpcRequest<Boolean> delete(String ctrlr) {
    return RpcRequest.of("vhost_delete_controller", Map.of("ctrlr", ctrlr), Boolean.class);
  }

  public static RpcRequest<List<Controller>> controllers() {
    return RpcRequest.listOf("vhost_get_controllers", null, Controller.class);
  }

  public static RpcRequest<List<Controller>> controller(String name) {
    return RpcRequest.listOf("vhost_get_controllers", Map.of("name", name), Controller.class);
  }
}
