package io.diskengine.testkit.guest;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/**
 * The machine to boot. Disks appear in the guest as {@code /dev/vda}, {@code /dev/vdb}, ... in this
 * order; there may be none.
 *
 * @param memoryMib the initramfs takes 100 MiB of it
 * @param forwards ports of the guest that the host reaches on its 127.0.0.1
 * @param console sees each line of the serial console as it appears
 */
public record GuestSpec(
    String name,
    int memoryMib,
    int cpus,
    List<VhostDisk> disks,
    List<Forward> forwards,
    Consumer<ConsoleLine> console) {

  /**
   * A vhost-user-blk disk. QEMU connects to {@code socket} at start (and waits for it), and again
   * every second when it was lost.
   */
  public record VhostDisk(Path socket, int queues) {
    public VhostDisk {
      if (queues < 1) {
        throw new IllegalArgumentException("queues " + queues + ": at least 1");
      }
    }
  }

  /** Host {@code 127.0.0.1:hostPort} goes to {@code guestPort} of the guest. */
  public record Forward(int hostPort, int guestPort) {}

  /** One line of the console, {@code sinceStartNs} after QEMU was started. */
  public record ConsoleLine(long sinceStartNs, String text) {
    @Override
    public String toString() {
      return "%8.3f %s".formatted(sinceStartNs / 1e9, text);
    }
  }

  public GuestSpec {
    disks = List.copyOf(disks);
    forwards = List.copyOf(forwards);
  }

  /** 768 MiB, two CPUs, no disk. */
  public static GuestSpec named(String name) {
    return new GuestSpec(name, 768, 2, List.of(), List.of(), line -> {});
  }

  /** The machine's UUID, the same at every boot of a guest of this name. */
  public UUID uuid() {
    return UUID.nameUUIDFromBytes(name.getBytes(UTF_8));
  }

  /** The host NQN that nvme-cli in this guest uses unless told otherwise. */
  public String hostNqn() {
    return "nqn.2014-08.org.nvmexpress:uuid:" + uuid();
  }

  /** With one more vhost-user-blk disk of two queues. */
  public GuestSpec withDisk(Path socket) {
    List<VhostDisk> more = new ArrayList<>(disks);
    more.add(new VhostDisk(socket, 2));
    return new GuestSpec(name, memoryMib, cpus, more, forwards, console);
  }

  public GuestSpec withForward(int hostPort, int guestPort) {
    List<Forward> more = new ArrayList<>(forwards);
    more.add(new Forward(hostPort, guestPort));
    return new GuestSpec(name, memoryMib, cpus, disks, more, console);
  }

  public GuestSpec withMemoryMib(int mib) {
    return new GuestSpec(name, mib, cpus, disks, forwards, console);
  }

  public GuestSpec withCpus(int count) {
    return new GuestSpec(name, memoryMib, count, disks, forwards, console);
  }

  public GuestSpec withConsole(Consumer<ConsoleLine> lines) {
    return new GuestSpec(name, memoryMib, cpus, disks, forwards, lines);
  }
}
