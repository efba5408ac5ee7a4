package io.diskengine.engine.nvmf;

import io.diskengine.engine.reactor.Reactor;
import io.diskengine.nvme.Crc32c;
import java.net.InetSocketAddress;
import java.util.LinkedHashSet;
import java.util.Set;

/** The connections of one reactor. */
final class PollGroup {
  private final NvmfTarget target;
  private final Reactor reactor;
  private final Crc32c crc = new Crc32c();
  private final Set<TcpConnection> connections = new LinkedHashSet<>();

  // counters for nvmf_get_stats
  long adminQpairs;
  long ioQpairs;
  int currentAdminQpairs;
  int currentIoQpairs;
  long completed;

  PollGroup(NvmfTarget target, Reactor reactor) {
    this.target = target;
    this.reactor = reactor;
  }

  NvmfTarget target() {
    return target;
  }

  Reactor reactor() {
    return reactor;
  }

  Crc32c crc() {
    return crc;
  }

  /** On this group's reactor: takes over an accepted socket. */
  void open(int fd, Listener listener, InetSocketAddress peer) {
    TcpConnection connection = new TcpConnection(this, fd, listener, peer);
    connections.add(connection);
    connection.start();
  }

  void connected(int qid) {
    if (qid == 0) {
      adminQpairs++;
      currentAdminQpairs++;
    } else {
      ioQpairs++;
      currentIoQpairs++;
    }
  }

  void closed(TcpConnection connection) {
    connections.remove(connection);
    NvmfRequest.Connected queue = connection.queue();
    if (queue != null) {
      if (queue.qid() == 0) {
        currentAdminQpairs--;
      } else {
        currentIoQpairs--;
      }
    }
  }

  NvmfTarget.GroupStat stat() {
    return new NvmfTarget.GroupStat(
        "nvmf_tgt_poll_group_%03d".formatted(reactor.index()),
        adminQpairs,
        ioQpairs,
        currentAdminQpairs,
        currentIoQpairs,
        connections.size() - currentAdminQpairs - currentIoQpairs,
        completed);
  }

  Set<TcpConnection> connections() {
    return connections;
  }
}
