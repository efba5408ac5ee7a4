package io.diskengine.engine.bdev;

import java.util.ArrayDeque;
import java.util.List;

/** The newest events for SPDK's notify_get_notifications. Home reactor. */
public final class NotificationLog {
  /** SPDK keeps as many (SPDK_NOTIFY_MAX_EVENTS). */
  public static final int CAPACITY = 1024;

  public record Notification(long id, String type, String context) {}

  private final ArrayDeque<Notification> newest = new ArrayDeque<>();
  private long nextId;

  public void add(String type, String context) {
    if (newest.size() == CAPACITY) {
      newest.remove();
    }
    newest.add(new Notification(nextId++, type, context));
  }

  /** At most {@code most} notifications with an id of at least {@code fromId}, oldest first. */
  public List<Notification> from(long fromId, long most) {
    return newest.stream().filter(n -> n.id() >= fromId).limit(most).toList();
  }
}
