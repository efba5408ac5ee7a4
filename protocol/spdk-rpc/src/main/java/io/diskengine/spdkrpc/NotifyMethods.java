package io.diskengine.spdkrpc;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Notifications are polled and never wait; there are none for RAID and path states. */
public final class NotifyMethods {
  private NotifyMethods() {}

  /**
   * @param type such as {@code bdev_register}
   * @param ctx what it is about, such as the bdev's name
   */
  public record Notification(String type, String ctx, long id) {}

  /**
   * @param id first one wanted
   * @param max how many
   */
  public record Range(@Nullable Long id, @Nullable Long max) {}

  public static RpcRequest<List<String>> types() {
    return RpcRequest.listOf("notify_get_types", null, String.class);
  }

  public static RpcRequest<List<Notification>> notifications(Range range) {
    return RpcRequest.listOf("notify_get_notifications", range, Notification.class);
  }
}
