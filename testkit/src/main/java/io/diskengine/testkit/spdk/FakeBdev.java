package io.diskengine.testkit.spdk;

import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/** A block device of one process. */
abstract class FakeBdev {
  final String name;
  final UUID uuid;
  final String product;
  final int blockSize;
  long blocks;
  final List<String> aliases = new ArrayList<>();
  private final String uuidText;

  /** The module that has it for itself. */
  @Nullable String claim;

  /**
   * How often a RAID took it: an examination that began before such a time says nothing any more.
   */
  int raidClaims;

  /** {@code rw_ios_per_sec} of {@code bdev_set_qos_limit}; 0 is none. */
  long iosPerSec;

  boolean limited;

  /** Who has it open. */
  private final List<User> users = new ArrayList<>();

  private record User(Runnable onRemove, Runnable onResize) {}

  FakeBdev(String name, UUID uuid, String product, int blockSize, long blocks) {
    this.name = name;
    this.uuid = uuid;
    this.uuidText = uuid.toString();
    this.product = product;
    this.blockSize = blockSize;
    this.blocks = blocks;
  }

  abstract void submit(FakeIo io);

  /** Fills {@code driver_specific}. */
  abstract void describe(ObjectNode specific);

  boolean isCalled(String wanted) {
    return name.equals(wanted) || otherNames().contains(wanted);
  }

  /** Aliases, of which the uuid is one. */
  List<String> otherNames() {
    List<String> names = new ArrayList<>(aliases);
    names.add(uuidText);
    return names;
  }

  /** Told when the device goes away. */
  void open(Runnable onRemove) {
    open(onRemove, () -> {});
  }

  /** Told when the device goes away, and when it has another size. */
  void open(Runnable onRemove, Runnable onResize) {
    users.add(new User(onRemove, onResize));
  }

  void close(Runnable onRemove) {
    users.removeIf(u -> u.onRemove == onRemove);
  }

  boolean isOpen() {
    return !users.isEmpty();
  }

  void removed() {
    List.copyOf(users).forEach(u -> u.onRemove.run());
    users.clear();
  }

  void resized() {
    List.copyOf(users).forEach(u -> u.onResize.run());
  }
}
