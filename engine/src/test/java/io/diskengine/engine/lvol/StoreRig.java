package io.diskengine.engine.lvol;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.bdev.BdevChannel;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.Done;
import io.diskengine.nvme.Iovec;
import io.diskengine.nvme.NativeMemory;
import java.io.ByteArrayOutputStream;
import java.util.List;
import java.util.function.BiConsumer;

/** Two reactors, the lvol module, and disks; blocking calls for tests. */
final class StoreRig implements AutoCloseable {
  static final int PENDING = Integer.MIN_VALUE;

  final SteppedReactors reactors;
  final LvolModule lvols;

  StoreRig(long seed) {
    reactors = new SteppedReactors(seed);
    lvols = new LvolModule(reactors.layer());
  }

  /** Registers the disk and waits until what lies on it was found. */
  void add(DiskBdev disk) {
    reactors.home(() -> reactors.layer().register(disk));
    boolean[] examined = {false};
    reactors.home(() -> reactors.layer().waitForExamine(() -> examined[0] = true));
    reactors.runUntil(() -> examined[0]);
  }

  LvolStore store(String name) {
    LvolStore store = lvols.store(name);
    if (store == null) {
      throw new AssertionError("no store " + name + " among " + lvols.stores());
    }
    return store;
  }

  /** Something that ends with an errno. */
  interface Operation {
    void start(Done done) throws BdevException;
  }

  int run(Operation operation) {
    int[] errno = {PENDING};
    reactors.home(() -> {
      try {
        operation.start(e -> errno[0] = e);
      } catch (BdevException refused) {
        errno[0] = refused.errno();
      }
    });
    reactors.runUntil(() -> errno[0] != PENDING);
    return errno[0];
  }

  int createStore(String bdev, LvolStoreOptions options) {
    return run(done -> lvols.createStore(bdev, options, (errno, store) -> done.done(errno)));
  }

  int createLvol(String store, String name, long sizeBytes, boolean thin) {
    return run(done ->
        store(store)
            .createLvol(
                name, sizeBytes, thin, ClearMethod.DEFAULT, (errno, lvol) -> done.done(errno)));
  }

  Lvol lvol(String alias) {
    Lvol lvol = lvols.lvol(alias);
    if (lvol == null) {
      throw new AssertionError("no lvol " + alias);
    }
    return lvol;
  }

  int deleteLvol(String alias) {
    return run(done -> lvol(alias).store().deleteLvol(lvol(alias), done));
  }

  /** The bdev's resources are given back. */
  int remove(DiskBdev disk) {
    return run(done -> reactors.layer().unregister(disk, done));
  }

  int snapshot(String alias, String name) {
    return run(
        done -> operations(alias).snapshot(lvol(alias), name, (errno, lvol) -> done.done(errno)));
  }

  int clone(String alias, String name) {
    return run(
        done -> operations(alias).clone(lvol(alias), name, (errno, lvol) -> done.done(errno)));
  }

  int cloneBdev(String store, String bdev, String name) {
    return run(
        done -> store(store).operations().cloneBdev(bdev, name, (errno, lvol) -> done.done(errno)));
  }

  int resize(String alias, long sizeBytes) {
    return run(done -> operations(alias).resize(lvol(alias), sizeBytes, done));
  }

  int inflate(String alias) {
    return run(done -> operations(alias).inflate(lvol(alias), done));
  }

  int decouple(String alias) {
    return run(done -> operations(alias).decoupleParent(lvol(alias), done));
  }

  int rename(String alias, String name) {
    return run(done -> operations(alias).rename(lvol(alias), name, done));
  }

  int setReadOnly(String alias) {
    return run(done -> operations(alias).setReadOnly(lvol(alias), done));
  }

  int setParent(String alias, String parent) {
    return run(done -> operations(alias).setParent(lvol(alias), lvol(parent), done));
  }

  int setParentBdev(String alias, String bdev) {
    return run(done -> operations(alias).setParentBdev(lvol(alias), bdev, done));
  }

  int grow(String store) {
    return run(done -> store(store).operations().grow(done));
  }

  int renameStore(String store, String name) {
    return run(done -> lvols.renameStore(store(store), name, done));
  }

  private LvolOperations operations(String alias) {
    return lvol(alias).store().operations();
  }

  byte[] content(String alias) {
    ByteArrayOutputStream content = new ByteArrayOutputStream();
    read(alias, 0, lvol(alias).sizeBytes(), (bytes, count) -> content.write(bytes, 0, count));
    return content.toByteArray();
  }

  int unload() {
    return run(lvols::unload);
  }

  /** Hands the content of a range of the bdev to {@code sink}, a piece at a time. */
  void read(String name, long offset, long length, BiConsumer<byte[], Integer> sink) {
    int piece = Math.clamp(length, 4096, 1 << 20);
    long buffer = reactors.allocate(piece + 4096);
    int[] status = {PENDING};
    BdevIo io = new BdevIo(done -> status[0] = done.status());
    BdevDesc[] desc = new BdevDesc[1];
    BdevChannel[] channel = new BdevChannel[1];
    reactors.home(() -> {
      desc[0] = reactors.layer().open(name, false, BdevEvents.NONE);
      channel[0] = desc[0].openChannel();
    });
    byte[] bytes = new byte[piece];
    int block = desc[0].bdev().blockSizeBytes();
    for (long at = 0; at < length; at += piece) {
      int count = (int) Math.min(piece, length - at);
      long from = offset + at;
      status[0] = PENDING;
      reactors.home(() -> {
        Iovec.set(buffer + piece, 0, buffer, count);
        desc[0].submit(channel[0], io.read(buffer + piece, 1, from / block, count / block));
      });
      reactors.runUntil(() -> status[0] != PENDING);
      if (status[0] != 0) {
        throw new AssertionError("read of " + name + " at " + from + ": " + status[0]);
      }
      NativeMemory.copy(buffer, bytes, 0, count);
      sink.accept(bytes, count);
    }
    reactors.home(() -> {
      channel[0].release();
      desc[0].close();
    });
  }

  List<String> names() {
    return lvols.stores().stream().flatMap(s -> s.lvols().stream()).map(Lvol::alias).toList();
  }

  @Override
  public void close() {
    reactors.close();
  }
}
