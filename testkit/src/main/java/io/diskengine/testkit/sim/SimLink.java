package io.diskengine.testkit.sim;

import io.diskengine.spdkrpc.RpcRuntime;
import io.diskengine.testkit.sim.Crossing.Fate;
import io.diskengine.testkit.sim.Crossing.Line;
import io.diskengine.testkit.spdk.FakeRpcConnection;
import java.io.IOException;
import java.net.ConnectException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import org.jspecify.annotations.Nullable;

/** An agent's RPC connection. What lies in it when the agent dies is read by the data plane. */
final class SimLink implements RpcRuntime.Link, FakeRpcConnection.Peer {
  private static final byte[] END = new byte[0];
  private static final Set<String> CONTROLLER_MUTATIONS =
      Set.of(
          "bdev_nvme_attach_controller",
          "bdev_nvme_disable_controller",
          "bdev_nvme_detach_controller");
  private static final int MAX_LATENCY_MS = 2;

  /** How long something takes that takes long: beyond any deadline of an agent. */
  private static final int DELAY_MS = 40_000;

  private final SimWorld world;
  private final SimNode node;
  private final SimProcess process;
  private final LinkedBlockingQueue<byte[]> incoming = new LinkedBlockingQueue<>();
  private final Set<String> controllersInFlight = new HashSet<>();

  /** Mutations that were read and not executed yet. */
  private final Set<String> waiting = new HashSet<>();

  /** A call that was read and begins late. */
  final class Late implements Runnable {
    private final long pid = node.spdk.pid();
    private final Runnable execute;

    Late(Runnable execute) {
      this.execute = execute;
    }

    @Override
    public void run() {
      if (node.late.remove(this) && pid == node.spdk.pid()) {
        execute.run();
      }
    }

    boolean isEarlierThan(SimLink other) {
      return number < other.number;
    }
  }

  /** Of this node's connections. */
  private long number;

  private @Nullable FakeRpcConnection server;
  private boolean closedHere;
  private boolean closedThere;
  private long arrivesAtMs;

  /** What arrived and did not fit into what was read last. */
  private ByteBuffer unread = ByteBuffer.allocate(0);

  SimLink(SimWorld world, SimNode node, SimProcess process) {
    this.world = world;
    this.node = node;
    this.process = process;
  }

  private long latency() {
    return world.scheduler.random().nextInt(MAX_LATENCY_MS + 1);
  }

  @Override
  public void connect() throws IOException {
    if (!node.spdk.isUp()) {
      throw new ConnectException("Connection refused");
    }
    server = new FakeRpcConnection(node.spdk, this);
    number = ++node.connections;
    node.links.add(this);
  }

  @Override
  public int read(ByteBuffer into, Runnable writable) throws IOException {
    try {
      if (!unread.hasRemaining()) {
        byte[] bytes = incoming.take();
        if (closedHere) {
          throw new ClosedChannelException();
        }
        if (bytes == END) {
          return -1;
        }
        unread = ByteBuffer.wrap(bytes);
      }
      int length = Math.min(unread.remaining(), into.remaining());
      into.put(unread.slice().limit(length));
      unread.position(unread.position() + length);
      return length;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ClosedChannelException();
    }
  }

  @Override
  public void write(ByteBuffer bytes) throws IOException {
    if (closedHere || closedThere) {
      throw new IOException("Broken pipe");
    }
    String method = method(bytes);
    Fate unused = world.cross(node, method, Line.BEFORE_SEND);
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    oneMutation(method, copy);
    if (SimWorld.isMutation(method)) {
      String request = new String(copy, StandardCharsets.UTF_8);
      world.laws.sending(node, process.name, method, request.substring(request.indexOf(method)));
    }
    // One socket: nothing overtakes.
    arrivesAtMs = Math.max(arrivesAtMs, world.scheduler.nowMs() + latency());
    world.scheduler.after(arrivesAtMs - world.scheduler.nowMs(), () -> arrived(copy));
    unused = world.cross(node, method, Line.AFTER_SEND);
  }

  private static String method(ByteBuffer bytes) {
    String text =
        new String(bytes.array(), bytes.position(), bytes.remaining(), StandardCharsets.UTF_8);
    return member(text, "method");
  }

  private static String member(String json, String name) {
    int at = json.indexOf("\"" + name + "\":\"") + name.length() + 4;
    return json.substring(at, json.indexOf('"', at));
  }

  /**
   * Law 7's neighbour: an agent has one mutation of a controller at a time. What another agent sent
   * before the lease changed hands may still be under way.
   */
  private void oneMutation(String method, byte[] bytes) {
    if (CONTROLLER_MUTATIONS.contains(method)) {
      String name = member(new String(bytes, StandardCharsets.UTF_8), "name");
      for (SimLink link : node.links) {
        if (link.process == process && link.controllersInFlight.contains(name)) {
          world.scheduler.fail(
              "law broken: one mutation for a controller in flight: "
                  + process.name
                  + " "
                  + method
                  + " "
                  + name);
        }
      }
      controllersInFlight.add(name);
    }
  }

  private void arrived(byte[] bytes) {
    FakeRpcConnection there = server;
    if (there != null && !closedThere) {
      node.spdk.run(() -> there.received(ByteBuffer.wrap(bytes)));
    }
  }

  /** Law 4: what may still be executed is not sent once more. */
  private void notTwice(String method, String params) {
    if (SimWorld.isMutation(method) && !waiting.add(method + params)) {
      world.scheduler.fail(
          "law broken: what has no answer is not sent again: "
              + process.name
              + " "
              + method
              + " "
              + params);
    }
  }

  @Override
  public void received(String method, String params, Runnable execute) {
    notTwice(method, params);
    // SPDK reads its connections in the order in which they were made.
    node.late.stream().filter(l -> l.isEarlierThan(this)).toList().forEach(SimLink.Late::run);
    Runnable traced =
        () -> {
          world.executing(node, process, method, params);
          execute.run();
        };
    switch (world.cross(node, method, Line.BEFORE_EXECUTE)) {
      case GOES_ON -> traced.run();
      case CUT_OFF -> cut();
      case DELAYED -> {
        world.delayed(DELAY_MS + DELAY_MS / 4); // the agent sees the answer at its next look
        Late late = new Late(traced);
        node.late.add(late);
        node.spdk.runLater(DELAY_MS, late);
      }
    }
  }

  @Override
  public void executed(String method, String params, boolean ok, Runnable reply) {
    world.executed(node, method, params, ok);
    waiting.remove(method + params);
    if (CONTROLLER_MUTATIONS.contains(method)) {
      controllersInFlight.remove(member(params, "name"));
    }
    switch (world.cross(node, method, Line.AFTER_EXECUTE)) {
      case GOES_ON -> reply.run();
      case CUT_OFF -> cut();
      case DELAYED -> {
        world.delayed(DELAY_MS + DELAY_MS / 4);
        world.scheduler.after(DELAY_MS, reply);
      }
    }
  }

  /** The connection ends; the data plane lives on. */
  void cut() {
    if (!closedThere) {
      closedThere = true;
      if (server != null) {
        server.peerClosed();
      }
      close();
    }
  }

  @Override
  public void send(byte[] bytes) {
    world.scheduler.after(
        latency(),
        () -> {
          if (!closedHere && process.isAlive()) {
            incoming.add(bytes);
          }
        });
  }

  /** Of {@link FakeRpcConnection.Peer}: the data plane has closed. */
  @Override
  public void close() {
    if (Thread.currentThread().isVirtual()) {
      closeHere();
    } else {
      closedThere = true;
      node.links.remove(this);
      world.scheduler.after(latency(), () -> incoming.add(END));
    }
  }

  private void closeHere() {
    closedHere = true;
    node.links.remove(this);
    incoming.add(END);
    world.scheduler.after(
        latency(),
        () -> {
          if (server != null) {
            server.peerClosed();
          }
        });
  }

  boolean isOf(SimProcess other) {
    return process == other;
  }

  /** The agent is gone. */
  void abandoned() {
    closedHere = true;
    node.links.remove(this);
  }
}
