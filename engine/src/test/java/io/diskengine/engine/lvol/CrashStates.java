package io.diskengine.engine.lvol;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Every medium that a power failure at one moment may leave. Each sector of an unflushed write is
 * there or not, whatever becomes of its neighbours: dropped and torn writes are the same thing.
 *
 * <p>So a sector has a list of values it may have, and the media are the product of these lists.
 * Sectors of the data area choose together, all their oldest values, all the next ones and so on:
 * what is in them is compared sector by sector, and no metadata depends on it.
 */
final class CrashStates {
  private static final int SECTOR = DiskBdev.SECTOR;

  private final DiskImage sure;
  private final List<Choice> metadata = new ArrayList<>();
  private final List<Choice> data = new ArrayList<>();
  private final int dataDepth;

  private record Choice(long offset, List<byte[]> values) {}

  CrashStates(DiskBdev disk, int moment, long metadataEnd) {
    sure = disk.initial().copy();
    Map<Long, Choice> open = new TreeMap<>();
    List<DiskBdev.Change> order =
        disk.changes().stream()
            .filter(c -> !c.flush && c.submittedAt < moment)
            .sorted((a, b) -> Integer.compare(a.endedAt, b.endedAt))
            .toList();
    int flushed =
        disk.changes().stream()
            .filter(c -> c.flush && c.endedAt < moment)
            .mapToInt(c -> c.submittedAt)
            .max()
            .orElse(0);
    for (DiskBdev.Change change : order) {
      boolean safe = change.endedAt < flushed || change.durable && change.endedAt < moment;
      for (long at = 0; at < change.length; at += SECTOR) {
        add(open, change.offset + at, value(change, at), safe);
      }
    }
    for (Choice choice : open.values()) {
      if (choice.values.size() > 1) {
        (choice.offset < metadataEnd ? metadata : data).add(choice);
      }
    }
    dataDepth = data.stream().mapToInt(c -> c.values.size()).max().orElse(1);
  }

  private static byte[] value(DiskBdev.Change change, long at) {
    return change.data == null
        ? new byte[SECTOR]
        : Arrays.copyOfRange(change.data, (int) at, (int) at + SECTOR);
  }

  private void add(Map<Long, Choice> open, long offset, byte[] value, boolean safe) {
    if (safe) {
      sure.write(offset, value, 0, SECTOR);
      open.remove(offset);
      return;
    }
    Choice choice =
        open.computeIfAbsent(
            offset, o -> new Choice(o, new ArrayList<>(List.of(sure.read(o, SECTOR)))));
    choice.values.removeIf(v -> Arrays.equals(v, value));
    choice.values.add(value);
  }

  /** How many media there are; at most {@code Long.MAX_VALUE}. */
  long count() {
    long count = dataDepth;
    for (Choice choice : metadata) {
      count =
          count > Long.MAX_VALUE / choice.values.size()
              ? Long.MAX_VALUE
              : count * choice.values.size();
    }
    return count;
  }

  /** All media, or {@code most} of them as {@code random} wills; true when it was all. */
  boolean forEach(int most, Random random, Consumer<DiskImage> each) {
    if (count() > most) {
      for (int i = 0; i < most; i++) {
        each.accept(any(random, i));
      }
      return false;
    }
    int[] chosen = new int[metadata.size()];
    do {
      for (int depth = 0; depth < dataDepth; depth++) {
        each.accept(medium(chosen, depth));
      }
    } while (next(chosen));
    return true;
  }

  /** One medium, as {@code random} wills. */
  void any(Random random, Consumer<DiskImage> each) {
    each.accept(any(random, 2));
  }

  /** Counts up; false after the last. */
  private boolean next(int[] chosen) {
    for (int i = 0; i < chosen.length; i++) {
      if (++chosen[i] < metadata.get(i).values.size()) {
        return true;
      }
      chosen[i] = 0;
    }
    return false;
  }

  /** Nothing survived, then all, then anything between. */
  private DiskImage any(Random random, int number) {
    int newest = number == 0 ? 0 : number == 1 ? 100 : 5 + random.nextInt(91);
    int[] chosen = new int[metadata.size()];
    for (int i = 0; i < chosen.length; i++) {
      int last = metadata.get(i).values.size() - 1;
      chosen[i] = random.nextInt(100) < newest ? last : random.nextInt(last);
      chosen[i] = number == 0 ? 0 : chosen[i];
    }
    return medium(chosen, random.nextInt(dataDepth));
  }

  private DiskImage medium(int[] chosen, int depth) {
    DiskImage medium = sure.copy();
    for (int i = 0; i < chosen.length; i++) {
      put(medium, metadata.get(i), chosen[i]);
    }
    for (Choice choice : data) {
      put(medium, choice, Math.min(depth, choice.values.size() - 1));
    }
    return medium;
  }

  private static void put(DiskImage medium, Choice choice, int value) {
    medium.write(choice.offset, choice.values.get(value), 0, SECTOR);
  }
}
