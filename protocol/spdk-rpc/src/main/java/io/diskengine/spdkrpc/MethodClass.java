package io.diskengine.spdkrpc;

import java.time.Duration;

/** How long a method may take and what its loss means. */
public enum MethodClass {
  /** Changes nothing. Its caller may give up at any time. */
  READ(Duration.ofSeconds(10)),
  /** Changes something and normally answers within milliseconds. */
  MUTATION(Duration.ofSeconds(30)),
  /**
   * Takes as long as a disk or a remote peer takes: attach, lvstore create and load, examine,
   * waiting for the end of start-up. Treated as a mutation.
   */
  SLOW(Duration.ofMinutes(5));

  private final Duration defaultDeadline;

  MethodClass(Duration defaultDeadline) {
    this.defaultDeadline = defaultDeadline;
  }

  public Duration defaultDeadline() {
    return defaultDeadline;
  }

  /** Whether a connection must stay open while such a call is unanswered. */
  public boolean mutates() {
    return this != READ;
  }

  /** The class of a method known only by name: a getter reads, the known slow ones are slow. */
  public static MethodClass of(String method) {
    return switch (method) {
      case "bdev_nvme_attach_controller",
          "bdev_nvme_detach_controller",
          "bdev_nvme_enable_controller",
          "bdev_nvme_disable_controller",
          "bdev_nvme_reset_controller",
          "bdev_lvol_create_lvstore",
          "bdev_lvol_delete_lvstore",
          "bdev_lvol_grow_lvstore",
          "bdev_lvol_create",
          "bdev_lvol_delete",
          "bdev_lvol_resize",
          "bdev_lvol_inflate",
          "bdev_lvol_decouple_parent",
          "bdev_aio_create",
          "bdev_malloc_create",
          "bdev_examine",
          "bdev_wait_for_examine",
          "bdev_raid_create",
          "bdev_raid_delete",
          "bdev_raid_add_base_bdev",
          "bdev_raid_remove_base_bdev",
          "nvmf_subsystem_remove_host",
          "framework_start_init",
          "framework_wait_init" ->
          SLOW;
      default -> method.contains("_get_") ? READ : MUTATION;
    };
  }
}
