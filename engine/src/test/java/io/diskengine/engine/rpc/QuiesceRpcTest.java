package io.diskengine.engine.rpc;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevIo;
import io.diskengine.engine.bdev.DriverChannel;
import io.diskengine.engine.bdev.IoStatus;
import io.diskengine.engine.bdev.IoType;
import io.diskengine.engine.reactor.Reactor;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.json.JsonMapper;

/** Holds over two reactors on virtual time, with a device whose I/O ends when the test says so. */
class QuiesceRpcTest {
  private final SteppedReactors reactors = new SteppedReactors(41);
  private final RpcRegistry registry = new RpcRegistry();
  private final SlowBdev disk = new SlowBdev();
  private final Client client = new Client();

  @BeforeEach
  void register() {
    reactors.home(() -> {
      reactors.layer().register(disk);
      new QuiesceRpc(reactors.layer()).register(registry);
    });
  }

  @AfterEach
  void close() {
    reactors.close();
  }

  /** Completes I/O at once, or when it is let go. */
  private static final class SlowBdev extends Bdev {
    final List<BdevIo> waiting = new ArrayList<>();
    boolean slow;

    SlowBdev() {
      super("d0", "Slow disk", new UUID(1, 1), 512, 1024);
    }

    @Override
    protected boolean supports(IoType type) {
      return type != IoType.ABORT;
    }

    @Override
    protected DriverChannel openChannel(Reactor reactor) {
      return new DriverChannel() {
        @Override
        protected void submit(BdevIo io) {
          if (slow) {
            waiting.add(io);
          } else {
            io.complete(IoStatus.SUCCESS);
          }
        }
      };
    }
  }

  /** A connection, and what it was answered. */
  private static final class Client {
    final List<Runnable> atEnd = new ArrayList<>();
  }

  private final class Answer implements RpcReply {
    final Client from;
    @Nullable Object result;
    @Nullable String failure;

    Answer(Client from) {
      this.from = from;
    }

    @Override
    public void ok(Object value) {
      assertTrue(result == null && failure == null, "answered twice");
      result = value;
    }

    @Override
    public void fail(RpcFailure error) {
      assertTrue(result == null && failure == null, "answered twice");
      failure = error.code() + " " + error.getMessage();
    }

    @Override
    public Object client() {
      return from;
    }

    @Override
    public Runnable onDisconnect(Runnable body) {
      from.atEnd.add(body);
      return () -> from.atEnd.remove(body);
    }
  }

  private Answer send(Client from, String method, String params) {
    Answer answer = new Answer(from);
    reactors.home(() -> {
      RpcRegistry.Method found = registry.find("diskengine_bdev_" + method);
      try {
        if (found != null) {
          found
              .handler()
              .handle(
                  new RpcParams(
                      new JsonMapper().readTree(params.replace('\'', '"')),
                      found.decodeErrorCode()),
                  answer);
        }
      } catch (RpcFailure e) {
        answer.fail(e);
      }
    });
    return answer;
  }

  private String call(String method, String params) {
    Answer answer = send(client, method, params);
    reactors.runUntil(() -> answer.result != null || answer.failure != null);
    return answer.failure == null ? String.valueOf(answer.result) : answer.failure;
  }

  @Test
  void holdBeginsWhenIoUnderWayHasEndedAndIoWaitsUntilItIsOver() {
    TestIo io = new TestIo(reactors, "d0");
    disk.slow = true;
    TestIo.Call before = io.startWrite(1, 0, new byte[512]);
    Answer held = send(client, "quiesce", "{'name':'d0'}");
    reactors.runForUs(1000);
    assertNull(held.result);
    assertEquals("-16 d0 is still being quiesced", call("unquiesce", "{'name':'d0'}"));
    disk.slow = false;
    reactors.on(1, () -> disk.waiting.removeFirst().complete(IoStatus.SUCCESS));
    reactors.runUntil(() -> held.result != null);
    assertTrue(before.done());
    TestIo.Call first = io.startWrite(0, 0, new byte[512]);
    TestIo.Call second = io.startRead(1, 8, 1);
    reactors.runForUs(100_000);
    assertFalse(first.done() || second.done());
    assertEquals("-16 d0 is quiesced already", call("quiesce", "{'name':'d0'}"));
    assertEquals("true", call("unquiesce", "{'name':'d0'}"));
    assertEquals(IoStatus.SUCCESS, io.await(first).status());
    assertEquals(IoStatus.SUCCESS, io.await(second).status());
    assertEquals("-22 d0 is not quiesced", call("unquiesce", "{'name':'d0'}"));
  }

  @Test
  void timeEndsAHoldAndItsOwnerIsTold() {
    TestIo io = new TestIo(reactors, "d0");
    assertEquals("true", call("quiesce", "{'name':'d0','timeout_ms':2}"));
    TestIo.Call write = io.startWrite(1, 0, new byte[512]);
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    assertEquals(
        "-110 d0 did not stay quiesced: its time of 2 ms was up",
        call("unquiesce", "{'name':'d0'}"));
    assertEquals("true", call("quiesce", "{'name':'d0'}"));
    assertEquals("true", call("unquiesce", "{'name':'d0'}"));
  }

  @Test
  void holdThatNeverBecomesQuietIsGivenUpInTimeOnAllReactors() {
    TestIo io = new TestIo(reactors, "d0");
    disk.slow = true;
    for (int reactor = 0; reactor < 2; reactor++) {
      io.startWrite(reactor, 0, new byte[512]);
    }
    assertEquals(
        "-110 d0 still had I/O in flight after 3 ms",
        call("quiesce", "{'name':'d0','timeout_ms':3}"));
    disk.slow = false;
    assertEquals(IoStatus.SUCCESS, io.write(0, 8, new byte[512]));
    assertEquals(IoStatus.SUCCESS, io.write(1, 8, new byte[512]));
    reactors.on(0, () -> disk.waiting.get(0).complete(IoStatus.SUCCESS));
    reactors.on(1, () -> disk.waiting.get(1).complete(IoStatus.SUCCESS));
    reactors.settle();
    assertEquals(IoStatus.SUCCESS, io.write(0, 8, new byte[512]));
    assertEquals(IoStatus.SUCCESS, io.write(1, 8, new byte[512]));
    assertTrue(client.atEnd.isEmpty());
  }

  @Test
  void holdBelongsToItsConnectionAndEndsWithIt() {
    TestIo io = new TestIo(reactors, "d0");
    assertEquals("true", call("quiesce", "{'name':'d0'}"));
    TestIo.Call write = io.startWrite(1, 0, new byte[512]);
    Answer other = send(new Client(), "unquiesce", "{'name':'d0'}");
    assertEquals("-1 d0 is quiesced by another connection", other.failure);
    reactors.home(() -> List.copyOf(client.atEnd).forEach(Runnable::run));
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    assertEquals("-22 d0 is not quiesced", call("unquiesce", "{'name':'d0'}"));
  }

  @Test
  void deviceThatGoesEndsItsHold() {
    assertEquals("true", call("quiesce", "{'name':'d0'}"));
    boolean[] gone = {false};
    reactors.home(() -> reactors.layer().unregister(disk, errno -> gone[0] = true));
    reactors.runUntil(() -> gone[0]);
    assertEquals("-19 No such device", call("unquiesce", "{'name':'d0'}"));
  }

  @Test
  void absurdTimesAndUnknownDevicesAreRefused() {
    assertEquals(
        "-22 timeout_ms is 0; it must be 1 to 20000",
        call("quiesce", "{'name':'d0','timeout_ms':0}"));
    assertEquals(
        "-22 timeout_ms is 20001; it must be 1 to 20000",
        call("quiesce", "{'name':'d0','timeout_ms':20001}"));
    assertEquals("-19 No such device", call("quiesce", "{'name':'d1'}"));
    assertEquals("-32603 spdk_json_decode_object failed", call("quiesce", "{'name':'d0','x':1}"));
  }
}
