/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The editor API, whole. Its model is the application-filter API of Microsoft's ISA Server
 * 2000: an editor is a filter, its part of a session a session filter; the firewall is Postern.
 *
 *	pst_types.h       addresses, endpoints, directions, identities
 *	pst_editor.h      what an editor is: init, shutdown, attach, events, detach
 *	pst_events.h      what it can hear, for which ports and kinds of client
 *	pst_session.h     a client, and what is asked in its name: BindForClient and its kin
 *	pst_connection.h  handles: data filters, deny, set protocol, names, kill, emulation
 *	pst_ipfilter.h    who may come: sets of addresses
 *	pst_action.h      taking back what stands
 *	pst_admin.h       which editors are installed, and their protocols
 *
 * Calls return 0 or a count, else a negative errno. What the specification's HRESULTs are here:
 *
 *	S_OK 0, S_FALSE 1                    E_INVALIDARG, FWX_E_INVALID_ARG    -EINVAL
 *	FWX_E_PROTOCOL_RULES_DENIED -EACCES  E_OUTOFMEMORY                      -ENOMEM
 *	WSAEADDRINUSE -EADDRINUSE            ERROR_NOT_FOUND                    -ENOENT
 *	WSAEADDRNOTAVAIL -EADDRNOTAVAIL      ERROR_ALREADY_EXISTS               -EEXIST
 *	FWX_E_TERMINATING -ESHUTDOWN         FWX_E_ALREADY_EMULATED             -EBUSY
 *	FWX_E_BAD_CONTEXT -EPERM             FWX_E_IS_BUSY, no answer in time   -EAGAIN
 *	no ports, or a quota used up -ENOSPC
 *
 * Left out, and why:
 *
 *	ImpersonateClient, RevertToSelf, GetClientMachineName, authentication
 *		Windows accounts; a client here is its address, and rules name addresses.
 *	IUnknown, class factories, CLSIDs, AddRef and Release
 *		COM's ways. Contexts are void pointers, a factory is a function, a handle's
 *		life is said at its type; an identity is a struct pst_guid.
 *	CreateNetworkSocket, IFWXSocket, IFWXNetworkSocket, CreateBuffer
 *		The original is a proxy that pumps between two sockets. Here a stream is
 *		edited in flight: data filters say what becomes of bytes, and what an emulated
 *		connection says goes by pst_connection_send().
 *	GetHostByName, GetHostByAddr and their events
 *		Only for its Winsock redirection; names are none of a gateway's business.
 *	CreatePrivateSession, GetNATSession
 *		A session is its client's, on its client's editor lcore; an editor gets it with
 *		the client's first event, and pst_session_attach_editor() brings another one in.
 *	IFWXSlowDataFilter::OkToTerminate
 *		The stream engine delivers what it has acknowledged before a connection ends.
 *	FWX_FLAG_USE_MIME, site and content rules of the Web proxy
 *		There is no Web proxy; pst_session_host_access_check() asks for a host.
 *	GetFilterParameterSet
 *		An editor's settings are the config file's.
 *	Emulation of UDP, and of binds of several ports
 *		A data filter that drops what comes and a bind of its own do the same.
 */
#pragma once

#include "pst_action.h"
#include "pst_admin.h"
#include "pst_connection.h"
#include "pst_editor.h"
#include "pst_events.h"
#include "pst_ipfilter.h"
#include "pst_session.h"
#include "pst_types.h"
