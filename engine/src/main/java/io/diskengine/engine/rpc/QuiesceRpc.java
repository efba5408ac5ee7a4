package io.diskengine.engine.rpc;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.LbaRange;
import io.diskengine.engine.reactor.Timer;
import io.diskengine.engine.rpc.RpcRegistry.Phase;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Holds the I/O of a device while its parts are snapshotted, which SPDK has no method for. The
 * names start with {@code diskengine_} so that nobody takes them for SPDK's.
 *
 * <p>A hold begins when what was in flight has ended, and ends when its connection says so. It ends
 * by itself when its time is up, its connection ends or its device goes; whoever held it is told at
 * the unquiesce that it did not last, and has to throw away what was made under it.
 */
public final class QuiesceRpc implements RpcModule {
  /** The longest that I/O may be held: less than a guest's driver takes for a dead disk (30 s). */
  static final long MOST_TIMEOUT_MS = 20_000;

  static final long DEFAULT_TIMEOUT_MS = 5_000;

  private static final int ETIMEDOUT = -110;

  private final BdevLayer layer;
  private final Map<Bdev, Hold> holds = new HashMap<>();

  public QuiesceRpc(BdevLayer layer) {
    this.layer = layer;
  }

  @Override
  public void register(RpcRegistry registry) {
    registry.method("diskengine_bdev_quiesce", Phase.RUNTIME, this::quiesce);
    registry.method("diskengine_bdev_unquiesce", Phase.RUNTIME, this::unquiesce);
  }

  private void quiesce(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    long timeoutMs = params.u64Or("timeout_ms", DEFAULT_TIMEOUT_MS);
    params.end();
    if (timeoutMs == 0 || timeoutMs > MOST_TIMEOUT_MS) {
      throw new RpcFailure(
          BdevException.EINVAL,
          "timeout_ms is " + timeoutMs + "; it must be 1 to " + MOST_TIMEOUT_MS);
    }
    Bdev bdev = find(name);
    Hold present = holds.get(bdev);
    if (present != null && present.ended == null) {
      throw new RpcFailure(BdevException.EBUSY, name + " is quiesced already");
    }
    try {
      if (present != null) {
        present.forget();
      }
      Hold hold = new Hold(bdev, timeoutMs, reply);
      holds.put(bdev, hold);
      hold.start();
    } catch (BdevException e) {
      throw RpcFailure.of(e);
    }
  }

  private void unquiesce(RpcParams params, RpcReply reply) throws RpcFailure {
    String name = params.string("name");
    params.end();
    Bdev bdev = find(name);
    Hold hold = holds.get(bdev);
    if (hold == null) {
      throw new RpcFailure(BdevException.EINVAL, name + " is not quiesced");
    }
    if (hold.client != reply.client()) {
      throw new RpcFailure(BdevException.EPERM, name + " is quiesced by another connection");
    }
    String early = hold.ended;
    if (early != null) {
      hold.forget();
      throw new RpcFailure(ETIMEDOUT, name + " did not stay quiesced: " + early);
    }
    if (!hold.quiet) {
      throw new RpcFailure(BdevException.EBUSY, name + " is still being quiesced");
    }
    hold.forget();
    hold.end("asked for", () -> reply.ok(true));
  }

  private Bdev find(String name) throws RpcFailure {
    Bdev bdev = layer.find(name);
    if (bdev == null) {
      throw RpcFailure.ofErrno(BdevException.ENODEV);
    }
    return bdev;
  }

  /** One device, from the request on. Home reactor, but for {@link #givenUp}. */
  private final class Hold implements BdevEvents {
    private final LbaRange everything = new LbaRange(0, Long.MAX_VALUE / 2);
    private final Bdev bdev;
    private final BdevDesc desc;
    private final long timeoutMs;
    private final RpcReply reply;
    private final Object client;
    private final Timer timeout = Timer.of(this::timedOut);
    private final Runnable forgetDisconnect;
    private volatile boolean givenUp;
    private boolean quiet;

    /** Why it ended; null while it lasts. */
    private @Nullable String ended;

    Hold(Bdev bdev, long timeoutMs, RpcReply reply) throws BdevException {
      this.bdev = bdev;
      this.timeoutMs = timeoutMs;
      this.reply = reply;
      client = reply.client();
      desc = layer.open(bdev, false, this);
      forgetDisconnect = reply.onDisconnect(this::disconnected);
    }

    void start() {
      layer.home().schedule(timeout, timeoutMs * 1_000_000);
      layer.quiesce(
          bdev,
          everything,
          () -> givenUp,
          () -> {
            if (ended == null) {
              quiet = true;
              reply.ok(true);
            }
          });
    }

    private void timedOut() {
      if (!quiet) {
        forget();
        end(
            "time",
            () ->
                reply.fail(
                    new RpcFailure(
                        ETIMEDOUT, bdev + " still had I/O in flight after " + timeoutMs + " ms")));
      } else {
        end("its time of " + timeoutMs + " ms was up", () -> {});
      }
    }

    private void disconnected() {
      forget();
      end("its connection ended", () -> {});
    }

    @Override
    public void removed(BdevDesc removed) {
      boolean waiting = !quiet && ended == null;
      forget();
      end(
          "the device was removed",
          () -> {
            if (waiting) {
              reply.fail(RpcFailure.ofErrno(BdevException.ENODEV));
            }
          });
    }

    /** Nobody will ask for the hold any more. */
    void forget() {
      holds.remove(bdev, this);
      forgetDisconnect.run();
    }

    void end(String why, Runnable done) {
      if (ended != null) {
        return;
      }
      ended = why;
      givenUp = true;
      layer.home().cancel(timeout);
      layer.unquiesce(
          bdev,
          everything,
          () -> {
            desc.close();
            done.run();
          });
    }
  }
}
