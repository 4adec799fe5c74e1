/* SPDX-License-Identifier: BSD-3-Clause */
#include "netdev.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool
ask(int fd, uint32_t index, struct pst_netdev *netdev)
{
	struct ifreq request = { 0 };

	if (if_indextoname(index, request.ifr_name) == NULL ||
		ioctl(fd, SIOCGIFFLAGS, &request) < 0)
		return false;
	netdev->running = (request.ifr_flags & IFF_UP) && (request.ifr_flags & IFF_RUNNING);
	if (ioctl(fd, SIOCGIFMTU, &request) < 0)
		return false;
	netdev->mtu = request.ifr_mtu < UINT16_MAX ? request.ifr_mtu : UINT16_MAX;
	return true;
}

bool
pst_netdev_get(uint32_t index, struct pst_netdev *netdev)
{
	int fd = index != 0 ? socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;
	bool found;

	if (fd < 0)
		return false;
	found = ask(fd, index, netdev);
	close(fd);
	return found;
}
