package io.diskengine.app;

import io.diskengine.api.Api;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributes;

/** What to paste so that a guest uses an attached volume. */
final class GuestRecipe {
  private static final String DEFAULT_GROUP = "kvm";
  private static final int QUEUES = 2;

  private GuestRecipe() {}

  static void print(Api.Attachment attachment, PrintWriter out) {
    String socket = String.valueOf(attachment.socketPath());
    String id = "de-" + attachment.volume();
    out.printf("volume %s is attached to %s%n", attachment.volume(), attachment.node());
    out.printf(
        "socket %s (group %s: QEMU's user must be in it)%n%n", socket, group(Path.of(socket)));
    out.printf(
        """
        QEMU arguments (2G stands for the guest's memory, which must be shared):
          -m 2G -object memory-backend-memfd,id=mem,size=2G,share=on -numa node,memdev=mem \\
          -chardev socket,id=%1$s,path=%2$s,reconnect=1 \\
          -device vhost-user-blk-pci,chardev=%1$s,num-queues=%3$d

        libvirt, below <domain> and below <devices>:
          <memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking>
          <disk type='vhostuser' device='disk'>
            <driver name='qemu' type='raw' queues='%3$d'/>
            <source type='unix' path='%4$s'><reconnect enabled='yes' timeout='1'/></source>
            <target dev='vda' bus='virtio'/>
          </disk>
        """,
        id, socket.replace(",", ",,"), QUEUES, xml(socket));
  }

  /** Of the socket, when it is on this machine. */
  private static String group(Path socket) {
    try {
      return Files.readAttributes(socket, PosixFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
          .group()
          .getName();
    } catch (IOException e) {
      return DEFAULT_GROUP;
    }
  }

  private static String xml(String text) {
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("'", "&apos;");
  }
}
